/**
 * Prints, for each number of engines, tasks a second and the microseconds of the controller a task.
 *
 *     node --import tsx bench/controller-tasks.ts [--tasks=100000] [--engines=4,1000] [--records=memory|sql|none] [--prof]
 */
import { parseArgs } from 'node:util'
import { ControllerLoad } from './controller-load.ts'

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '100000' },
    engines: { type: 'string', default: '4,1000' },
    records: { type: 'string', default: 'memory' },
    prof: { type: 'boolean', default: false },
  },
})

async function measure(engines: number, tasks: number): Promise<void> {
  const prof = values.prof ? ['--cpu-prof', '--cpu-prof-dir=/tmp/controller-prof'] : []
  await using load = await ControllerLoad.start(engines, values.records, prof)
  const before = await load.spent()
  const elapsedMs = await load.run(tasks)
  const after = await load.spent()
  const perTask = (ms: number): string => ((ms * 1000) / tasks).toFixed(2)
  console.log(
    `${engines} engines (registered in ${load.registeredMs.toFixed(0)} ms): ${Math.round((tasks * 1000) / elapsedMs)} tasks/s, ` +
      `controller ${perTask(after.activeMs - before.activeMs)} µs a task on its thread, ` +
      `${perTask(after.cpuMs - before.cpuMs)} µs in all its threads, ${after.rssMb.toFixed(0)} MB`,
  )
}

for (const engines of values.engines.split(',')) await measure(Number(engines), Number(values.tasks))
process.exit()

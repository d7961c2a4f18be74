import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type Client, Cluster } from 'itsparallel'
import { ControllerLoad } from '../controller-load.ts'
import { doubles, samples, serve, timed } from '../serve.ts'
import { scheduleDurationsMs } from '../workloads/schedule.ts'

/** Ourselves, through the public interface and with the default options. */
const noOp = () => 0
const busy = (seconds: number) => {
  const endMs = performance.now() + seconds * 1000
  while (performance.now() < endMs);
}
const square = (x: number) => x * x
const sleep = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

/** What `push` leaves in the engine's namespace: the engine's own, since this process has none of that name. */
declare const pushed: Float64Array
const lastPushed = () => pushed.at(-1)

/** The one cluster that all workloads but `start` use. */
let shared: Promise<{ cluster: Cluster; rc: Client }> | undefined

async function running(engines: number): Promise<Client> {
  shared ??= Cluster.start({ n: engines }).then(async cluster => ({ cluster, rc: await cluster.connect() }))
  return (await shared).rc
}

/** CPU that the controller, all its threads, spends on the tasks. */
async function controllerMs(tasks: number, engines: number): Promise<number> {
  await using load = await ControllerLoad.start(engines)
  const before = await load.spent()
  await load.run(tasks)
  return (await load.spent()).cpuMs - before.cpuMs
}

/** Resident set of a process; Linux only, as its peers are. */
function residentMib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
}

const manifest = new URL('../../package.json', import.meta.url)
const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }

await serve(
  version,
  {
    start: async (_count, engines) => {
      let cluster: Cluster | undefined
      try {
        const seconds = await timed(async () => {
          cluster = await Cluster.start({ n: engines })
          const rc = await cluster.connect()
          await rc.at(0).apply(noOp)
        })
        return [seconds]
      } finally {
        await cluster?.stop()
      }
    },
    tasks: async (count, engines) => {
      const view = (await running(engines)).loadBalancedView()
      const submitAndWait = () => Promise.all(Array.from({ length: count }, () => view.apply(noOp)))
      return [await timed(submitAndWait)]
    },
    busy: async (count, engines, taskSeconds) => {
      const view = (await running(engines)).loadBalancedView()
      return [
        await timed(() => Promise.all(Array.from({ length: count }, () => view.apply(busy, taskSeconds)))),
      ]
    },
    latency: async (count, engines) => {
      const view = (await running(engines)).at(0)
      return samples(count, () => view.apply(noOp))
    },
    map: async (count, engines) => {
      const view = (await running(engines)).loadBalancedView()
      const range = Array.from({ length: count }, (_, i) => i)
      let squares: number[] = []
      const seconds = await timed(async () => {
        squares = await view.map(square, range)
      })
      assert.equal(squares.at(-1), (count - 1) ** 2)
      return [seconds]
    },
    schedule: async (_count, engines) => {
      const view = (await running(engines)).loadBalancedView()
      const durationsMs = scheduleDurationsMs()
      return [await timed(() => view.map(sleep, durationsMs))]
    },
    push: async (mib, engines) => {
      const view = (await running(engines)).at(0)
      const x = doubles(mib)
      const seconds = await timed(() => view.push({ pushed: x }))
      assert.equal(await view.apply(lastPushed), x.at(-1))
      return [seconds]
    },
    pull: async (mib, engines) => {
      const view = (await running(engines)).at(0)
      await view.execute(`y = Float64Array.from({ length: (${mib} * 2 ** 20) / 8 }, (_, i) => i)`)
      return [await timed(() => view.pull('y'))]
    },
    'scatter-gather': async (mib, engines) => {
      const view = (await running(engines)).directView()
      const x = doubles(mib)
      let back: unknown
      const seconds = await timed(async () => {
        await view.scatter('z', x)
        back = await view.gather('z')
      })
      assert.ok(back instanceof Float64Array && back.length === x.length && back.at(-1) === x.at(-1))
      return [seconds]
    },
    scale: async (tasks, engines) => {
      const [few, many] = [await controllerMs(tasks, 4), await controllerMs(tasks, engines)]
      return [many / few]
    },
    'memory-controller': async (tasks, engines) => {
      await using load = await ControllerLoad.start(engines)
      // A tenth at a time: what waits in the controller at once is no leak.
      await load.run(tasks / 10)
      const before = await load.spent()
      for (let tenth = 1; tenth < 10; tenth++) await load.run(tasks / 10)
      return [(await load.spent()).rssMb - before.rssMb]
    },
    'memory-engine': async (_count, engines) => {
      const pids = await (await running(engines)).directView().apply(() => process.pid)
      return pids.map(residentMib)
    },
  },
  async () => {
    const opened = await shared
    await opened?.rc.close()
    await opened?.cluster.stop()
  },
)

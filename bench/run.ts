import os from 'node:os'
import { parseArgs } from 'node:util'
import { type Figure, measureWorkload } from './harness.ts'
import { figureLine, markdownTable, subjectOf, terminalTable, verdictLine, verdicts } from './report.ts'
import { type PeerName, roster } from './roster.ts'
import type { Workload } from './workload.ts'
import { controllers } from './workloads/controllers.ts'
import { latency } from './workloads/latency.ts'
import { map } from './workloads/map.ts'
import { metg } from './workloads/metg.ts'
import { pull } from './workloads/pull.ts'
import { push } from './workloads/push.ts'
import { memory, scale } from './workloads/scale.ts'
import { scatterGather } from './workloads/scatter-gather.ts'
import { schedules } from './workloads/schedule.ts'
import { start } from './workloads/start.ts'
import { tasks } from './workloads/tasks.ts'

/** What is measured where no workload is named. */
const main: readonly Workload[] = [start, tasks, metg, latency, map, push, pull, scatterGather]
/** Several workloads under one name. */
const groups: Readonly<Record<string, readonly Workload[]>> = {
  controllers,
  schedule: schedules,
  scale: [scale],
  memory,
}
const workloads = [...main, ...Object.values(groups).flat()]

const usage = `npm run bench [-- workload… --peers=NAME,… --markdown --require-goals]

Measures the workloads on itsparallel and on every peer that is installed here, side by side.
Prints one JSON line a figure and a goal, then a table.

  workloads        ${main.map(({ name }) => name).join(', ')} (default: these)
                   controllers: Python's client and engines on our controller and on Python's own
                   scale, memory: the controller with many engines, and after many tasks; an idle engine
                   schedule: how close the balanced schedule is to the best one
  --peers=a,b      only these of ${Object.keys(roster).join(', ')}
  --markdown       print the table as the README has it on stdout, and the JSON lines on stderr
  --require-goals  end with exit code 1 when a first goal is not met
`

/** Wrong words on the command line: one clear error, and the exit code that means a usage error. */
function refuse(message: string): never {
  console.error(`bench: ${message}`)
  process.exit(2)
}

function readCommandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean', default: false },
        markdown: { type: 'boolean', default: false },
        peers: { type: 'string', default: Object.keys(roster).join(',') },
        'require-goals': { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return refuse((error as Error).message)
  }
}

function chosen<T extends string>(kind: string, words: readonly string[], known: readonly T[]): T[] {
  const stranger = words.find(word => !known.includes(word as T))
  if (stranger !== undefined) refuse(`no ${kind} is called ${stranger}; there are ${known.join(', ')}`)
  return known.filter(name => words.includes(name))
}

const { values: options, positionals } = readCommandLine()
if (options.help) {
  console.log(usage)
  process.exit(0)
}
const namesOf = (list: readonly Workload[]): string[] => list.map(({ name }) => name)
const words = positionals.length === 0 ? namesOf(main) : positionals
const names = chosen('workload', words, [...namesOf(workloads), ...Object.keys(groups)])
for (const [group, list] of Object.entries(groups)) if (names.includes(group)) names.push(...namesOf(list))
const peers = chosen<PeerName>('peer', options.peers.split(','), Object.keys(roster) as PeerName[])

const say = options.markdown ? console.error : console.log
const runs: Figure[][] = []
for (const workload of workloads.filter(({ name }) => names.includes(name))) {
  const figures = await measureWorkload(workload, peers)
  runs.push(figures)
  const subject = figures.find(({ peer }) => peer === subjectOf(workload))
  for (const figure of figures) say(figureLine(figure, subject))
  for (const verdict of verdicts(figures)) say(verdictLine(workload.name, verdict))
}

if (options.markdown) {
  const [cpu] = os.cpus()
  console.log(markdownTable(runs))
  console.log(
    `\nTwo engines unless stated, on ${os.cpus().length} cores (${cpu?.model ?? 'unknown'}), Node ${process.versions.node}.`,
  )
} else {
  console.log(terminalTable(runs))
}

const failed = runs.flatMap(verdicts).some(({ goal, met }) => goal.level === 'first' && met !== true)
if (options['require-goals'] && failed) process.exitCode = 1

/**
 * A parameter study: which infection rate β and which recovery rate γ explain an epidemic?
 *
 * A simulator that is a program of its own (simulate-sir.mjs) runs once for every pair of a grid, wherever an engine is
 * free, and each run is compared with what was really observed: the boys in bed on 14 days of an influenza outbreak in
 * an English boarding school of 763. The first answer then says where to look closer.
 *
 *   npm run study -- [--n=ENGINES] [--points=PAIRS] [--simulator=PATH] [--output=FILE.svg] [--cluster-id=ID]
 *
 * With a cluster id it runs on a cluster that is there, as in the jobs of examples/pbs and examples/slurm.
 */
import { execFile } from 'node:child_process'
import { access, constants, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { Cluster, type LoadBalancedView, RemoteError } from 'itsparallel'
import { drawStudy } from './picture.ts'
import type { Outcome, Pair, Trial } from './trial.ts'

/** Whatever goes wrong is told in one line. The cluster, where there is one, has been stopped by then. */
process.once('uncaughtException', error => refuse(error.message))
function refuse(message: string): never {
  console.error(`parameter-study: ${message}`)
  process.exit(1)
}

const here = import.meta.dirname
const { values: options } = parseArgs({
  options: {
    n: { type: 'string', default: String(availableParallelism()) },
    'cluster-id': { type: 'string' },
    points: { type: 'string', default: '441' },
    simulator: { type: 'string', default: path.join(here, 'simulate-sir.mjs') },
    output: { type: 'string', default: path.join(here, 'out', 'epidemic.svg') },
  },
})

/** Boys in bed on each of the 14 days; British Medical Journal, 4 March 1978. The first boy fell ill the day before. */
const inBed = [3, 8, 26, 76, 225, 298, 258, 233, 189, 128, 68, 29, 14, 4]
const school = { population: 763, infected: 1, days: inBed.length }
const simulator = path.resolve(options.simulator)
const clusterId = options['cluster-id']

/** One trial, on an engine: runs the simulator in a folder of its own and reads what it wrote. */
async function runTrial({ beta, gamma }: Pair): Promise<Trial> {
  const folder = await mkdtemp(path.join(tmpdir(), 'parameter-study-'))
  try {
    const output = path.join(folder, 'epidemic.csv')
    const parameters = Object.entries({ beta, gamma, ...school, output })
    await promisify(execFile)(
      simulator,
      parameters.map(([name, value]) => `--${name}=${value}`),
    )
    const [, ...rows] = (await readFile(output, 'utf8')).trim().split('\n')
    const curve = rows.map(row => Number(row.split(',')[2]))
    const misfit = inBed.reduce((sum, boys, day) => sum + (curve[day + 1]! - boys) ** 2, 0)
    return { beta, gamma, curve, misfit }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** `length` numbers from `first` to `last`, in even steps. */
const evenly = (first: number, last: number, length: number) =>
  Array.from({ length }, (_, i) => first + ((last - first) * i) / (length - 1))
const everyPair = (betas: number[], gammas: number[]): Pair[] =>
  betas.flatMap(beta => gammas.map(gamma => ({ beta, gamma })))

const seconds = (value: number) => `${value.toFixed(1)} s`
const rootMeanSquare = ({ misfit }: Trial) => Math.sqrt(misfit / inBed.length)

/** Tries every pair on whichever engine is free, and shows how far it is. A failing trial does not stop the others. */
async function study(view: LoadBalancedView, title: string, pairs: Pair[]): Promise<Outcome[]> {
  console.log(`${title}: ${pairs.length} trials`)
  const result = view.with({ returnExceptions: true }).map(runTrial, pairs)
  await result.waitInteractive()
  const outcomes = await result
  console.log(
    `  ${seconds(result.serialTime)} of simulations in ${seconds(result.wallTime)}: ` +
      `a speed-up of ${result.speedup.toFixed(2)} over serial time on ${n} engines`,
  )
  return outcomes.map((outcome, i) => ({ pair: pairs[i]!, outcome }))
}

/** The trial that explains the data best. */
function bestOf(outcomes: Outcome[]): Trial {
  const trials = outcomes.flatMap(({ outcome }) => (outcome instanceof Error ? [] : [outcome]))
  if (trials.length === 0) throw new Error(`every trial failed: ${reasonsOf(outcomes).join('; ')}`)
  return trials.reduce((best, trial) => (trial.misfit < best.misfit ? trial : best))
}

/** Why trials failed: each reason once, with how many it struck and the first of them. */
function reasonsOf(outcomes: Outcome[]): string[] {
  const groups = new Map<string, Pair[]>()
  for (const { pair, outcome } of outcomes) {
    if (!(outcome instanceof Error)) continue
    const message = outcome instanceof RemoteError ? outcome.evalue : outcome.message
    // What the simulator said last is the reason; before it stands its whole command.
    const reason = message.trim().split('\n').at(-1)!
    groups.set(reason, [...(groups.get(reason) ?? []), pair])
  }
  return [...groups].map(
    ([reason, pairs]) =>
      `${pairs.length} × ${reason}   (first: β = ${pairs[0]!.beta}, γ = ${pairs[0]!.gamma})`,
  )
}

const side = Math.ceil(Math.sqrt(Number(options.points)))
if (!(side >= 2)) refuse(`--points must be a number from 4, not ${options.points}`)
await access(simulator, constants.X_OK).catch(() =>
  refuse(`there is no executable simulator at ${simulator}; name one with --simulator=PATH`),
)

await using cluster =
  clusterId === undefined
    ? await Cluster.start({ n: Number(options.n) })
    : await Cluster.attach({ clusterId })
await using rc = await cluster.connect()
const n = rc.ids.length
const view = rc.loadBalancedView()

let step: Pair = { beta: 3 / (side - 1), gamma: 1 / (side - 1) }
const coarse = await study(view, 'Coarse grid', everyPair(evenly(0, 3, side), evenly(0, 1, side)))
let outcomes = coarse
// The first answer says where to look closer: one step to either side, in quarters of it, and the same again.
for (const title of ['Finer grid', 'Finest grid']) {
  const { beta, gamma } = bestOf(outcomes)
  const betas = evenly(beta - step.beta, beta + step.beta, 9)
  const gammas = evenly(gamma - step.gamma, gamma + step.gamma, 9)
  outcomes = [...outcomes, ...(await study(view, title, everyPair(betas, gammas)))]
  step = { beta: step.beta / 4, gamma: step.gamma / 4 }
}

const best = bestOf(outcomes)
const reasons = reasonsOf(outcomes)
console.log(`\nTrials that failed:${reasons.length === 0 ? ' none' : ''}`)
for (const reason of reasons) console.log(`  ${reason}`)
console.log(
  `\nBest pair: β = ${best.beta.toFixed(3)} a day, γ = ${best.gamma.toFixed(3)} a day, ` +
    `R0 = β/γ = ${(best.beta / best.gamma).toFixed(2)}; off by ${rootMeanSquare(best).toFixed(1)} boys a day`,
)
await mkdir(path.dirname(options.output), { recursive: true })
await writeFile(options.output, drawStudy({ inBed, best, coarse }))
console.log(`Picture: ${options.output}`)

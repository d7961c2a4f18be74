/**
 * The parallel sum of the slides: the client scatters an array, each engine adds up its part, the engines add up their
 * sums by MPI among themselves, and every one of them knows the whole.
 *
 *   npm run psum -- [--n=ENGINES] [--terms=TERMS]
 */
import { parseArgs } from 'node:util'
import { Cluster } from 'itsparallel'
import { MPI } from 'itsparallel/mpi'

/** The engine's part of the array, a name in its namespace. */
declare const a: Float64Array

const { values: options } = parseArgs({
  options: { n: { type: 'string', default: '4' }, terms: { type: 'string', default: '1000000' } },
})

const sum = (numbers: Float64Array) => numbers.reduce((total, each) => total + each, 0)

/** The sum over all engines of what each has: every one of them must call it. */
function psum(part: Float64Array): number {
  const total = new Float64Array(1)
  MPI.COMM_WORLD.Allreduce(Float64Array.of(sum(part)), total, MPI.SUM)
  return total[0]!
}

await using cluster = await Cluster.start({ engines: 'mpi', n: Number(options.n) })
const rc = await cluster.connect()
const view = rc.directView()
console.log('engines, by rank:', await view.apply(() => MPI.COMM_WORLD.rank))

// 1 + 1/4 + 1/9 + … is π²/6, in the end.
const terms = Float64Array.from({ length: Number(options.terms) }, (_, i) => 1 / (i + 1) ** 2)
await view.scatter('a', terms)
console.log('terms of each:', await view.apply(() => a.length))

const totals = await view.apply(() => psum(a))
const [total] = totals
const serial = sum(terms)
console.log('the same on every engine:', new Set(totals).size === 1)
console.log('psum:  ', total)
console.log('serial:', serial)
console.log('difference below 1e-12:', Math.abs(total! - serial) < 1e-12)
console.log('π²/6:  ', Math.PI ** 2 / 6)

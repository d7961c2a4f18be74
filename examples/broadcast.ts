/**
 * A large table for all engines: a BroadcastView sends it once, and the scheduler gives each engine its copy.
 *
 *   npm run build && node --import tsx examples/broadcast.ts
 */
import { Cluster } from 'itsparallel'

/** The engines' own variable, not this file's: see `push`. */
declare const table: Float64Array

await using cluster = await Cluster.start({ n: 3 })
const rc = await cluster.connect()
const everyone = rc.broadcastView()
console.log(everyone)

await everyone.push({ table: Float64Array.from({ length: 1_000_000 }, (_, i) => i % 10) })
console.log('elements on each engine:', await everyone.apply(() => table.length))

// Pieces that differ from engine to engine are dealt out, and meet the table there.
await everyone.scatter('rank', [0, 1, 2], { flatten: true })
await everyone.execute('const mine = table.filter((_, i) => i % 3 === rank)')
console.log('each sums up its third:', await everyone.apply(sumMine))

// One engine fails: its error says which it was, and the others keep their values.
for (const end of await everyone.apply(refuseOne).allSettled())
  console.log(end.status === 'fulfilled' ? `well: ${end.value}` : String(end.reason))

declare const rank: number
declare const mine: Float64Array

function sumMine() {
  return mine.reduce((sum, x) => sum + x, 0)
}

function refuseOne() {
  if (rank === 1) throw new RangeError('not me')
  return rank
}

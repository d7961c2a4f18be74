/**
 * Pi by throwing darts: each task throws a million at a square and counts those in the quarter circle.
 *
 *   npm run build && node --import tsx examples/map/monte-carlo-pi.ts
 */
import { Cluster } from 'itsparallel'

const DARTS = 1_000_000
const TASKS = 16

/** Darts within the circle. The same seed throws the same darts (xorshift). */
function hits(seed: number): number {
  let state = seed
  const random = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  let within = 0
  for (let i = 0; i < DARTS; i++) if (random() ** 2 + random() ** 2 < 1) within += 1
  return within
}

await using cluster = await Cluster.start({ n: 2 })
const rc = await cluster.connect()

const seeds = Array.from({ length: TASKS }, (_, i) => 1 + i * 7919)
let thrown = 0
let within = 0
// The estimate gets better with each task that comes back.
for await (const one of rc.loadBalancedView().map(hits, seeds)) {
  thrown += DARTS
  within += one
  if (Math.log2(thrown / DARTS) % 1 === 0)
    console.log(`${thrown / DARTS} million darts: pi is about ${((4 * within) / thrown).toFixed(4)}`)
}

/**
 * A map over a stream: an async generator goes in, values and errors come out as soon as they are there. Nothing is read
 * further than there is room, so that the input may be as long as it likes.
 *
 *   npm run build && node --import tsx examples/map/streaming.ts
 */
import { Cluster, RemoteError } from 'itsparallel'

await using cluster = await Cluster.start({ n: 2 })
const rc = await cluster.connect()
const view = rc.loadBalancedView()

/** Measurements from somewhere, one of them bad. It never ends by itself. */
let closed: () => void
const sourceIsClosed = new Promise<void>(resolve => {
  closed = resolve
})
async function* measurements(): AsyncGenerator<number> {
  try {
    for (let i = 0; ; i++) yield i === 13 ? Number.NaN : i / 2
  } finally {
    closed()
  }
}

function calibrate(x: number): number {
  if (Number.isNaN(x)) throw new RangeError('not a number')
  return 2 * x + 1
}

// In order, with errors in their places. Leaving the loop closes the generator.
let sum = 0
let count = 0
for await (const value of view.with({ returnExceptions: true }).map(calibrate, measurements())) {
  if (value instanceof RemoteError) console.log(`element ${value.index}: ${value.ename}: ${value.evalue}`)
  else sum += value
  count += 1
  if (count === 1000) break
}
await sourceIsClosed
console.log(`${count} values, their sum: ${sum}, and the source is closed`)

// Without that, the first error ends the map, after the values before it.
const before: number[] = []
try {
  for await (const value of view.map(calibrate, measurements())) before.push(value)
} catch (error) {
  console.log(`${before.length} values, then: ${error}`)
}

// As they come: short ones first. Progress counts elements.
const sleep = (ms: number) => new Promise<number>(resolve => setTimeout(() => resolve(ms), ms))
const result = view.with({ ordered: false }).map(sleep, [1000, 10, 20, 30])
const came: number[] = []
for await (const ms of result) came.push(ms)
console.log(`came: ${came.join(' ')}, progress: ${result.progress} of ${result.length}`)
console.log('awaited, in order:', await result)

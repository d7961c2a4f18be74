/** Costs of packing and unpacking on one thread: `node --import tsx bench/serialize.ts`. One JSON line a figure. */

import { nodeRealm, packCall, packValue, unpackCall, unpackValue } from '../src/serialize/payload.ts'

const realm = { ...nodeRealm, guarded: false }
const factor = 3

/** Best of many short rounds, in nanoseconds a call: what else the machine does only ever adds to it. */
function measure(name: string, times: number, run: () => unknown): void {
  for (let i = 0; i < times; i++) run()
  const perRound = Math.ceil(times / 20)
  const rounds = Array.from({ length: 60 }, () => {
    const start = process.hrtime.bigint()
    for (let i = 0; i < perRound; i++) run()
    return Number(process.hrtime.bigint() - start) / perRound
  })
  console.log(JSON.stringify({ name, ns: Math.round(Math.min(...rounds)) }))
}

const noop = (): number => 0
const square = (x: number): number => x * x
const closure = (x: number): number => x * factor
let calls = 0
const counting = (x: number): number => {
  calls += 1
  return x * calls
}
const big = new Float64Array(8 * 1024 * 1024)
const captured = new Float64Array(1_310_720).fill(0.5)
const capturing = (i: number): number => captured[i]!
packCall(capturing, [0])
const chunk = Array.from({ length: 1000 }, (_, i) => i)

const noopFrames = packCall(noop, [])
const squareFrames = packCall(square, [12.5])
const closureFrames = packCall(closure, [12.5])
const valueFrames = packValue(12.5)
const recordFrames = packValue({ beta: 1.66, gamma: 0.44, days: [1, 2, 3] })
const bigFrames = packValue(big)
const chunkFrames = packCall(square, [chunk])

measure('packCall () => 0', 100_000, () => packCall(noop, []))
measure('unpackCall () => 0', 100_000, () => unpackCall(noopFrames, realm))
measure('packCall fresh () => 0', 20_000, () => packCall(() => 0, []))
measure('packCall x => x * x (12.5)', 100_000, () => packCall(square, [12.5]))
measure('unpackCall x => x * x (12.5)', 100_000, () => unpackCall(squareFrames, realm))
measure('packCall closure', 20_000, () => packCall(closure, [12.5]))
measure('packCall fresh closure', 2_000, () => packCall((x: number) => x * factor, [12.5]))
measure('packCall closure over an assigned variable', 2_000, () => packCall(counting, [12.5]))
measure('unpackCall closure', 20_000, () => unpackCall(closureFrames, realm))
measure('packCall closure over 10 MB, sent before', 500, () => packCall(capturing, [1]))
measure('packValue 12.5', 100_000, () => packValue(12.5))
measure('unpackValue 12.5', 100_000, () => unpackValue(valueFrames, realm))
measure('packValue record', 50_000, () => packValue({ beta: 1.66, gamma: 0.44, days: [1, 2, 3] }))
measure('unpackValue record', 50_000, () => unpackValue(recordFrames, realm))
measure('packCall 1000 integers', 5_000, () => packCall(square, [chunk]))
measure('unpackCall 1000 integers', 5_000, () => unpackCall(chunkFrames, realm))
measure('packValue 64 MB Float64Array', 1000, () => packValue(big))
measure('unpackValue 64 MB Float64Array', 1000, () => unpackValue(bigFrames, realm))

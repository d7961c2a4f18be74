import { expect, it } from 'vitest'
import { runExample } from '../support/run-example.ts'

const EXAMPLES: Readonly<Record<string, string>> = {
  'first-apply.ts': `
<Client engines 0, 1; 0 outstanding>
[ 'hello, engines', 'hello, engines' ]
hello, engine 0
hello, whoever you are
false [ true, true ] true
RemoteError: RangeError: too far [engine 1]
`,
  'broadcast.ts': `
<BroadcastView of all: engines 0–2>
elements on each engine: [ 1000000, 1000000, 1000000 ]
each sums up its third: [ 1500003, 1499997, 1500000 ]
well: 0
RemoteError: RangeError: not me [engine 1]
well: 2
`,
  'scatter-gather.ts': `
pieces: [
  Float64Array(3) [ 1, 4, 9 ],
  Float64Array(2) [ 16, 25 ],
  Float64Array(2) [ 36, 49 ]
]
joined: Float64Array(7) [
   1,  4,  9, 16,
  25, 36, 49
]
dealt: [ [ 'A', 'D' ], [ 'B', 'E' ], [ 'C' ] ]
taken up again: [ 'A', 'B', 'C', 'D', 'E' ]
shapes: [ '2 × 4', '2 × 4', '1 × 4' ]
sums of rows, by engine: [ NDArray(float32, [2]), NDArray(float32, [2]), NDArray(float32, [1]) ]
whole again: NDArray(float32, [5, 4])
sums of rows: NDArray(float32, [5]) Float32Array(5) [ 6, 22, 38, 54, 70 ]
`,
  'functions/functions.ts': `
captured at the call: 40 400
a class: 3.24
an import of node: a/b
an import of our own: 3
its module keeps its state: 1 2
a hundred tasks with 8 MB each: 2475
SerializationError: simulate → config → socket cannot travel: a live Socket belongs to node or to native code. Create it inside the function, on the engine
`,
  'results.ts': `
engine 0: 1 …
engine 0: 2 …
engine 0: 3 …
engine 1: 1 …
engine 1: 2 …
engine 1: 3 …
engine 0: ok, its times in order: true
engine 1: ok, its times in order: true
[stdout:0] one
[stdout:1] one
[output:0] 42
[output:1] 42
100 of 100 squares, the last 9801
[ 'fulfilled', 'rejected' ]
<AsyncResult apply on engines 0, 1: 1 of 2 failed on engine 1 after … s>
`,
}

it.each(Object.entries(EXAMPLES))(
  'examples/%s prints what it should',
  async (file, expected) => {
    expect(await runExample(file)).toBe(expected.slice(1))
  },
  60_000,
)

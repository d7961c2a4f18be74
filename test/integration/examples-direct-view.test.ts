import { expect, it } from 'vitest'
import { runExample } from '../support/run-example.ts'

it('examples/direct-view takes every step of the tour', async () => {
  const stdout = await runExample('direct-view/tour.ts')
  expect(stdout.replace(/process ids, in the order of the engines: \[.*\]/, 'process ids: PIDS')).toBe(`
1. Which engines are there?
rc.ids: [ 0, 1, 2, 3 ]

2. Apply a function on every engine, and wait for its results
process ids: PIDS
four different processes, and not this one: true

3. Apply it without waiting: an AsyncResult is there at once
ready at once: false
ready once awaited: true
the same processes: true

4. One engine: its result is a value, not an array
the first is the process it was: true
the last is the last: true
every other one: 2 values

5. Push names, execute source text, pull what it made
c on every engine: [ 50, 50, 50, 50 ]
a function sees them too, a + b: [ 15, 15, 15, 15 ]

6. The namespace does the same with the look of an object
a on every engine: [ 7, 7, 7, 7 ]
c, computed anew on engine 0 only: [ 70, 50, 50, 50 ]
several at once: [ 7, 10, 70 ]

7. A name that is not there is an error, and says where
RemoteError: ReferenceError: d is not defined [engine 1]

8. Scatter a sequence, gather it again
part on each engine: 0…15  16…31  32…47  48…63
gathered, it is whole: 64 numbers

9. Squares of 0 … 63: here, by map, and by scatter, execute, gather
the last ones: [ 3600, 3721, 3844, 3969 ]
all three agree: true
`)
}, 60_000)

/**
 * Data in pieces: scatter a sequence over the engines, work on the pieces where they are, gather them again. Typed arrays
 * and NDArrays keep their type on the way, there and back.
 *
 *   npm run build && node --import tsx examples/scatter-gather.ts
 */
import { Cluster, NDArray, Reference } from 'itsparallel'

await using cluster = await Cluster.start({ n: 3 })
const rc = await cluster.connect()
const view = rc.directView()

// A typed array, in blocks: 7 elements for 3 engines.
await view.scatter('x', Float64Array.of(1, 2, 3, 4, 5, 6, 7))
await view.execute('x = x.map(value => value ** 2)')
console.log('pieces:', await view.pull('x'))
console.log('joined:', await view.gather('x'))

// Round-robin, as cards are dealt; gathered the same way.
await view.scatter('cards', ['A', 'B', 'C', 'D', 'E'], { dist: 'r' })
console.log('dealt:', await view.pull('cards'))
console.log('taken up again:', await view.gather('cards', { dist: 'r' }))

// A grid is cut along its first axis.
const grid = new NDArray(
  Float32Array.from({ length: 20 }, (_, i) => i),
  [5, 4],
)
await view.scatter('rows', grid)
const sumOfRows = (rows: NDArray<Float32Array>) =>
  new NDArray(
    Float32Array.from(rows, row => [...(row as NDArray<Float32Array>).data].reduce((a, b) => a + b)),
  )
console.log('shapes:', await view.apply((rows: NDArray) => rows.shape.join(' × '), new Reference('rows')))
console.log('sums of rows, by engine:', await view.apply(sumOfRows, new Reference('rows')))
console.log('whole again:', await view.gather('rows'))

// All of it in one: a function that cuts its argument, works on the pieces, and joins what they give.
const sums = await view.parallel(sumOfRows)(grid)
console.log('sums of rows:', sums, sums.data)

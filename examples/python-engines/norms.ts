/**
 * Python engines beside our own: NumPy computes there what is made here, and both work on the same names.
 *
 *   npm run build && node --import tsx examples/python-engines/norms.ts
 *
 * It needs a Python with ipyparallel and numpy; ITSPARALLEL_PYTHON names it where it is not `python3`.
 */
import { Cluster, NDArray, python, SerializationError } from 'itsparallel'

await using cluster = await Cluster.start({ engines: { python: 2, node: 1 } })
const rc = await cluster.connect()
console.log(rc.engines.map(({ language }) => language).sort())

// A function of a module, by its name. The array travels beside the message, its type and shape kept.
const view = rc.directView({ language: 'python' })
const norm = python<number>('numpy.linalg:norm')
console.log('norm:', await view.apply(norm, Float64Array.of(3, 4)))
const grid = new NDArray(Float64Array.of(3, 4, 6, 8), [2, 2])
console.log('by rows:', await view.apply(norm.with({ axis: 1 }), grid))

// A function as source text. It sees the engine's names.
await view.push({ offset: 100 })
const shifted = python.source<number>('def shifted(x): return x * x + offset')
console.log('mapped:', await rc.loadBalancedView({ language: 'python' }).map(shifted, [1, 2, 3, 4]))

// Names and data mean something in both languages: all engines at once.
const all = rc.directView()
await all.scatter('part', Float64Array.of(1, 2, 3, 4, 5, 6))
await view.execute('part = part * 10')
await rc.directView({ language: 'javascript' }).execute('part = part.map(x => x * 10)')
console.log('gathered:', await all.gather('part'))

// Errors bring the class and the traceback of Python.
const failing = view.apply(python.source('def failing(): return {}["key"]'))
console.log(await failing.catch(String))

// A function runs where its language is spoken, and is refused elsewhere, before anything is sent.
try {
  view.apply((x: number) => x, 1)
} catch (error) {
  console.log(error instanceof SerializationError)
}

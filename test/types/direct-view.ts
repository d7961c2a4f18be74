/** What the compiler makes of programs with a DirectView. Nothing here runs: `npm run types` is its test. */
import {
  type AsyncMapResult,
  type AsyncResult,
  type DirectView,
  type ExecuteReply,
  NDArray,
  Reference,
} from 'itsparallel'
import { expectTypeOf } from 'vitest'
import { one, rc } from './world.ts'

const all = rc.directView()

/** The value follows from the function, and the shape from the targets, on every path to a view. */
export async function shapes() {
  expectTypeOf(await one.apply((x: number) => String(x), 1)).toEqualTypeOf<string>()
  expectTypeOf(await one.apply(async (x: number) => x > 1, 1)).toEqualTypeOf<boolean>()
  expectTypeOf(await all.apply((x: number) => String(x), 1)).toEqualTypeOf<string[]>()
  expectTypeOf(await all.apply(x => x * 2, 3)).toEqualTypeOf<number[]>()
  expectTypeOf(rc.at(-1)).toEqualTypeOf<DirectView<'one'>>()
  expectTypeOf(rc.directView(1)).toEqualTypeOf<DirectView<'one'>>()
  expectTypeOf(rc.directView([1])).toEqualTypeOf<DirectView<'many'>>()
  expectTypeOf(rc.directView('all')).toEqualTypeOf<DirectView<'many'>>()
  expectTypeOf(rc.slice(0, 4, 2)).toEqualTypeOf<DirectView<'many'>>()
  expectTypeOf(all.with({ targets: 1 })).toEqualTypeOf<DirectView<'one'>>()
  expectTypeOf(one.with({ targets: 'all' })).toEqualTypeOf<DirectView<'many'>>()
  expectTypeOf(one.with({ targets: [0] })).toEqualTypeOf<DirectView<'many'>>()
  expectTypeOf(one.with({ track: true, signal: AbortSignal.timeout(1) })).toEqualTypeOf<DirectView<'one'>>()
  expectTypeOf(one.apply(() => 1)).toEqualTypeOf<AsyncResult<number, 'one'>>()
  expectTypeOf(all.apply(() => 1)).toEqualTypeOf<AsyncResult<number[], 'many'>>()
  expectTypeOf(one.targets).toEqualTypeOf<number>()
  expectTypeOf(all.targets).toEqualTypeOf<number[]>()
}

/** Arguments are checked; a Reference may stand for any of them, and for what is inside. */
export async function callArguments() {
  await one.apply((x: number, y?: string) => [x, y], 1)
  await one.apply((...xs: number[]) => xs.length, 1, 2, 3)
  await one.apply((xs: readonly number[]) => xs.length, new Reference('data'))
  await one.apply((o: { list: number[]; n: number }) => o.n, { list: new Reference('data'), n: 1 })
  await one.apply((o: { deep: [number, string] }) => o.deep, { deep: [new Reference('n'), 'a'] })
  expectTypeOf(await one.apply(new Reference('f'), 1, 'a')).toEqualTypeOf<unknown>()
  // @ts-expect-error a string is no number
  one.apply((x: number) => x, 'one')
  // @ts-expect-error an argument is missing
  one.apply((x: number) => x)
  // @ts-expect-error one too many
  one.apply((x: number) => x, 1, 2)
  // @ts-expect-error what is called must be a function
  one.apply('Math.max', 1)
  // @ts-expect-error a property of the argument is missing, and no Reference stands there
  one.apply((o: { list: number[]; n: number }) => o.n, { list: new Reference('data') })
  // @ts-expect-error a remote function takes what its function takes
  one.remote((x: number) => x)('a')
  expectTypeOf(one.remote((x: number) => `${x}`)).returns.toEqualTypeOf<AsyncResult<string, 'one'>>()
  expectTypeOf(all.remote((x: number) => `${x}`)).returns.toEqualTypeOf<AsyncResult<string[], 'many'>>()
}

/** `map` takes one iterable a parameter. */
export async function maps() {
  expectTypeOf(all.map((x: number) => `${x}`, [1, 2])).toEqualTypeOf<AsyncMapResult<string>>()
  expectTypeOf(await all.map((a: number, b: string) => a + b.length, new Set([1]), ['x'])).toEqualTypeOf<
    number[]
  >()
  expectTypeOf(await one.map(x => x * 2, new Float64Array(2))).toEqualTypeOf<number[]>()
  for await (const text of all.map(async (x: number) => `${x}`, [1, 2]))
    expectTypeOf(text).toEqualTypeOf<string>()
  // @ts-expect-error its elements are strings
  all.map((x: number) => x, ['a'])
  // @ts-expect-error a single element is no iterable
  all.map((x: number) => x, 1)
  // @ts-expect-error the second parameter has no iterable
  all.map((x: number, y: number) => x + y, [1])
}

/** A parallel function joins sequences to one, and all else to an array. */
export async function parallelFunctions() {
  expectTypeOf(await all.parallel((xs: number[]) => xs.map(String))([1])).toEqualTypeOf<string[]>()
  expectTypeOf(await all.parallel((xs: number[]) => xs.length)([1])).toEqualTypeOf<number[]>()
  expectTypeOf(await all.parallel(async (xs: Float64Array) => xs)(new Float64Array(1))).toEqualTypeOf<
    Float64Array<ArrayBufferLike>
  >()
  expectTypeOf(
    await all.parallel((xs: NDArray) => xs, { dist: 'r' })(NDArray.zeros([1])),
  ).toEqualTypeOf<NDArray>()
  expectTypeOf(await all.parallel((x: number) => `${x}`).map([1])).toEqualTypeOf<string[]>()
  // @ts-expect-error there are two ways to deal
  all.parallel((xs: number[]) => xs, { dist: 'blocks' })
  // @ts-expect-error it takes what its function takes
  all.parallel((xs: number[]) => xs)(['a'])
  // @ts-expect-error element by element, it takes what its function takes
  all.parallel((x: number) => x).map(['a'])
}

/** Names are not known to the compiler: their types can be told. */
export async function names() {
  expectTypeOf(await all.pull('a')).toEqualTypeOf<unknown[]>()
  expectTypeOf(await one.pull<number>('a')).toEqualTypeOf<number>()
  expectTypeOf(await all.pull<number>('a')).toEqualTypeOf<number[]>()
  expectTypeOf(await one.pull(['a', 'b'])).toEqualTypeOf<unknown[]>()
  expectTypeOf(await one.pull<[number, string]>(['a', 'b'])).toEqualTypeOf<[number, string]>()
  expectTypeOf(await all.push({ a: 1 })).toEqualTypeOf<void>()
  expectTypeOf(
    await all.scatter('x', new Float64Array(1), { dist: 'r', flatten: true }),
  ).toEqualTypeOf<void>()
  expectTypeOf(await all.scatter('x', NDArray.zeros([1]))).toEqualTypeOf<void>()
  expectTypeOf(await all.gather<Float64Array>('x', { dist: 'r' })).toEqualTypeOf<Float64Array>()
  expectTypeOf(await all.gather('x')).toEqualTypeOf<unknown[]>()
  expectTypeOf(all.namespace.a).toEqualTypeOf<unknown>()
  // @ts-expect-error names and values, not a name and a value
  all.push('a', 1)
  // @ts-expect-error a name is a text
  all.pull(1)
  // @ts-expect-error several names are an array
  all.pull('a', 'b')
  // @ts-expect-error a number cannot be cut
  all.scatter('x', 1)
  // @ts-expect-error there are two ways to deal
  all.scatter('x', [1], { dist: 'c' })
  // @ts-expect-error what is gathered was flattened already
  all.gather('x', { flatten: true })
}

export async function programs() {
  expectTypeOf(await all.execute('a', { silent: false })).toEqualTypeOf<ExecuteReply[]>()
  expectTypeOf(await one.execute('a')).toEqualTypeOf<ExecuteReply>()
  expectTypeOf(await one.run(new URL('file:///a.ts'))).toEqualTypeOf<ExecuteReply>()
  const { os, path } = await all.syncImports({ os: () => import('node:os'), path: () => import('node:path') })
  expectTypeOf(os.hostname()).toEqualTypeOf<string>()
  expectTypeOf(path.sep).toEqualTypeOf<'\\' | '/'>()
  const [fs] = await all.syncImports<[typeof import('node:fs')]>('node:fs')
  expectTypeOf(fs.existsSync('a')).toEqualTypeOf<boolean>()
  expectTypeOf(all.clear()).resolves.toEqualTypeOf<void>()
  expectTypeOf(all.kill('SIGINT')).resolves.toEqualTypeOf<void>()
  expectTypeOf(all.abort([one.apply(() => 1), 'a message id'])).resolves.toEqualTypeOf<void>()
  expectTypeOf((await all.queueStatus())[0]!.tasks).toEqualTypeOf<number>()
  expectTypeOf((await all.queueStatus({ verbose: true }))[0]!.tasks).toEqualTypeOf<readonly string[]>()
  // @ts-expect-error code is text, and a function is applied
  all.execute(() => 1)
  // @ts-expect-error an option that execute does not have
  all.execute('a', { quiet: true })
  // @ts-expect-error an import is a function
  all.syncImports({ os: import('node:os') })
  // @ts-expect-error there is no such signal
  all.kill('SIGNOTHING')
  // @ts-expect-error an abort is of results or message ids
  all.abort(1)
}

export function options() {
  all.with({ returnExceptions: true, ordered: false })
  // @ts-expect-error an option that only load-balanced views have
  all.with({ retries: 1 })
  // @ts-expect-error an option that only load-balanced views have
  all.with({ after: one.apply(() => 1) })
  // @ts-expect-error an option that only broadcast views have
  all.with({ coalesce: true })
  // @ts-expect-error misspelt
  all.with({ target: 1 })
  // @ts-expect-error an engine is named by its number
  rc.directView('engine 1')
  // @ts-expect-error an engine is named by its number
  all.with({ targets: ['0'] })
  // @ts-expect-error a signal is an AbortSignal
  all.with({ signal: new AbortController() })
  // @ts-expect-error a place among the engines is a number
  rc.at('last')
  // @ts-expect-error options of one view are its own: it cannot be changed
  all.options = {}
}

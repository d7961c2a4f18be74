/** What the compiler makes of programs with a LoadBalancedView. Nothing here runs: `npm run types` is its test. */
import {
  type AsyncMapResult,
  type AsyncResult,
  Dependency,
  depend,
  type ExecuteReply,
  type LoadBalancedView,
  Reference,
  requires,
} from 'itsparallel'
import { expectTypeOf } from 'vitest'
import { balanced, rc } from './world.ts'

export async function calls() {
  expectTypeOf(rc.loadBalancedView([0, 1], { retries: 1 })).toEqualTypeOf<LoadBalancedView>()
  expectTypeOf(await balanced.apply(() => new Date())).toEqualTypeOf<Date>()
  expectTypeOf(await balanced.apply(x => x * 2, 3)).toEqualTypeOf<number>()
  expectTypeOf(await balanced.apply(async (x: number) => [x], new Reference('x'))).toEqualTypeOf<number[]>()
  expectTypeOf(balanced.apply(() => 1)).toEqualTypeOf<AsyncResult<number, 'one'>>()
  expectTypeOf(balanced.with({ retries: 2 }).apply(() => 1)).toEqualTypeOf<AsyncResult<number, 'one'>>()
  expectTypeOf(balanced.remote((x: number) => `${x}`)).returns.toEqualTypeOf<AsyncResult<string, 'one'>>()
  expectTypeOf(await balanced.execute('1')).toEqualTypeOf<ExecuteReply>()
  expectTypeOf(await balanced.parallel((xs: number[]) => xs.map(String))([1])).toEqualTypeOf<string[]>()
  expectTypeOf(balanced.targets).toEqualTypeOf<number[]>()
  // @ts-expect-error a string is no number
  balanced.apply((x: number) => x, 'one')
  // @ts-expect-error an argument is missing
  balanced.apply((x: number) => x)
  // @ts-expect-error tasks have no lasting engine to push to
  balanced.push({ a: 1 })
  // @ts-expect-error tasks have no lasting engine to scatter to
  balanced.scatter('x', [1])
}

export async function maps() {
  expectTypeOf(balanced.map((x: number) => `${x}`, [1, 2])).toEqualTypeOf<AsyncMapResult<string>>()
  expectTypeOf(await balanced.map(async x => x * 2, [1, 2])).toEqualTypeOf<number[]>()
  async function* numbers() {
    yield 1
  }
  expectTypeOf(await balanced.map((x: number) => x, numbers())).toEqualTypeOf<number[]>()
  expectTypeOf(await balanced.map((x: number, s: string) => s + x, numbers(), ['a'])).toEqualTypeOf<
    string[]
  >()
  // @ts-expect-error its elements are strings
  balanced.map((x: number) => x, ['a'])
  // @ts-expect-error a single element is no iterable
  balanced.map((x: number) => x, 1)
}

export function dependencies() {
  const first = balanced.apply(() => 1)
  balanced.with({ after: first, follow: [first, 'a message id'], timeout: 1 })
  balanced.with({ after: new Dependency([first], { mode: 'any', success: true, failure: true }) })
  const fn = depend((n: number) => n > 1, 2)((x: number) => `${x}`)
  expectTypeOf(fn).toEqualTypeOf<(x: number) => string>()
  expectTypeOf(requires('sharp')(fn)).toEqualTypeOf<(x: number) => string>()
  // @ts-expect-error all or any
  new Dependency([first], { mode: 'some' })
  // @ts-expect-error an argument of the check is missing
  depend((n: number) => n > 1)(fn)
  // @ts-expect-error what a check says is a boolean
  depend(() => 'yes')(fn)
  // @ts-expect-error a dependency is of tasks
  balanced.with({ after: 7 })
}

export function options() {
  balanced.with({ chunkSize: 'auto', maxOutstanding: 4, ordered: false, returnExceptions: true, track: true })
  // @ts-expect-error a number of elements, or 'auto'
  balanced.with({ chunkSize: 'big' })
  // @ts-expect-error a number
  balanced.with({ retries: '3' })
  // @ts-expect-error seconds are a number
  balanced.with({ timeout: '1s' })
  // @ts-expect-error misspelt
  balanced.with({ retry: 1 })
  // @ts-expect-error an option that only broadcast views have
  balanced.with({ coalesce: true })
}

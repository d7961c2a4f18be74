import { describe, expectTypeOf, it } from 'vitest'
import type { AsyncMapResult } from '../../../src/client/async-map-result.ts'
import type { AsyncResult } from '../../../src/client/async-result.ts'
import type { Client } from '../../../src/client/client.ts'
import type { ExecuteReply } from '../../../src/client/execute-reply.ts'
import type { RequestMetadata } from '../../../src/client/request-metadata.ts'
import { Reference } from '../../../src/serialize/payload.ts'

declare const rc: Client

/** Never called: what it says is checked by the compiler. */
async function views() {
  const all = rc.directView()
  const one = rc.at(0)
  const balanced = rc.loadBalancedView()

  // The value follows from the function.
  expectTypeOf(await one.apply((x: number) => String(x), 1)).toEqualTypeOf<string>()
  expectTypeOf(await one.apply(async (x: number) => x > 1, 1)).toEqualTypeOf<boolean>()
  expectTypeOf(await all.apply((x: number) => String(x), 1)).toEqualTypeOf<string[]>()
  expectTypeOf(await balanced.apply(() => new Date())).toEqualTypeOf<Date>()
  expectTypeOf(await balanced.apply(x => x * 2, 3)).toEqualTypeOf<number>()
  expectTypeOf(rc.directView(1).apply(() => 1)).toEqualTypeOf<AsyncResult<number, 'one'>>()
  expectTypeOf(all.with({ targets: 1 }).apply(() => 1)).toEqualTypeOf<AsyncResult<number, 'one'>>()
  expectTypeOf(one.with({ targets: 'all' }).apply(() => 1)).toEqualTypeOf<AsyncResult<number[], 'many'>>()
  expectTypeOf(one.with({ track: true }).apply(() => 1)).toEqualTypeOf<AsyncResult<number, 'one'>>()

  // Arguments are checked; a Reference may stand for any of them.
  await one.apply((x: number, y?: string) => [x, y], 1)
  await one.apply((xs: readonly number[]) => xs.length, new Reference('data'))
  // @ts-expect-error a string is no number
  one.apply((x: number) => x, 'one')
  // @ts-expect-error an argument is missing
  one.apply((x: number) => x)
  // @ts-expect-error one too many
  one.apply((x: number) => x, 1, 2)
  // @ts-expect-error what is called must be a function
  one.apply('Math.max', 1)

  // map takes one iterable a parameter, async ones where tasks are balanced.
  expectTypeOf(balanced.map((x: number) => `${x}`, [1, 2])).toEqualTypeOf<AsyncMapResult<string>>()
  expectTypeOf(await balanced.map(async x => x * 2, [1, 2])).toEqualTypeOf<number[]>()
  expectTypeOf(await all.map((a: number, b: string) => a + b.length, new Set([1]), ['x'])).toEqualTypeOf<
    number[]
  >()
  expectTypeOf(await one.map(x => x * 2, new Float64Array(2))).toEqualTypeOf<number[]>()
  for await (const text of balanced.map((x: number) => `${x}`, [1, 2]))
    expectTypeOf(text).toEqualTypeOf<string>()
  // @ts-expect-error its elements are strings
  balanced.map((x: number) => x, ['a'])
  // @ts-expect-error a single element is no iterable
  balanced.map((x: number) => x, 1)

  // Names are not known to the compiler: their types can be told.
  expectTypeOf(await all.pull('a')).toEqualTypeOf<unknown[]>()
  expectTypeOf(await one.pull<number>('a')).toEqualTypeOf<number>()
  expectTypeOf(await one.pull(['a', 'b'])).toEqualTypeOf<unknown[]>()
  expectTypeOf(await one.pull<[number, string]>(['a', 'b'])).toEqualTypeOf<[number, string]>()
  expectTypeOf(await all.push({ a: 1 })).toEqualTypeOf<void>()
  expectTypeOf(await all.gather<Float64Array>('x')).toEqualTypeOf<Float64Array>()
  expectTypeOf(await all.execute('a')).toEqualTypeOf<ExecuteReply[]>()
  expectTypeOf(await one.execute('a')).toEqualTypeOf<ExecuteReply>()
  // @ts-expect-error there are two ways to deal
  all.scatter('x', [1], { dist: 'c' })

  // Metadata are single or arrays, as the values are.
  expectTypeOf(one.apply(() => 1).metadata).toEqualTypeOf<RequestMetadata>()
  expectTypeOf(all.apply(() => 1).metadata).toEqualTypeOf<RequestMetadata[]>()
  expectTypeOf(one.apply(() => 1).stdout).toEqualTypeOf<string>()

  expectTypeOf(one.remote((x: number) => `${x}`)).returns.toEqualTypeOf<AsyncResult<string, 'one'>>()
  // @ts-expect-error a remote function takes what its function takes
  one.remote((x: number) => x)('a')

  // @ts-expect-error an option that only load-balanced views have
  all.with({ retries: 1 })
  // @ts-expect-error an engine is named by its number
  rc.directView('engine 1')
}

describe('the types', () => {
  it('the types of views follow from the functions (checked by the compiler)', () => {
    expectTypeOf(views).returns.resolves.toBeVoid()
  })
})

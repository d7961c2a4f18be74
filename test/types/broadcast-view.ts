/** What the compiler makes of programs with a BroadcastView. Nothing here runs: `npm run types` is its test. */
import {
  type AsyncMapResult,
  type AsyncResult,
  type BroadcastView,
  type ExecuteReply,
  Reference,
} from 'itsparallel'
import { expectTypeOf } from 'vitest'
import { rc } from './world.ts'

const all = rc.broadcastView()
const one = rc.broadcastView(0, { coalesce: true, track: true })

export async function calls() {
  expectTypeOf(all).toEqualTypeOf<BroadcastView<'many'>>()
  expectTypeOf(one).toEqualTypeOf<BroadcastView<'one'>>()
  expectTypeOf(all.with({ targets: 1 })).toEqualTypeOf<BroadcastView<'one'>>()
  expectTypeOf(one.with({ targets: [1] })).toEqualTypeOf<BroadcastView<'many'>>()
  expectTypeOf(one.with({ coalesce: false })).toEqualTypeOf<BroadcastView<'one'>>()
  expectTypeOf(all.apply((x: number) => `${x}`, 1)).toEqualTypeOf<AsyncResult<string[], 'many'>>()
  expectTypeOf(await one.apply(async (x: number) => `${x}`, new Reference('x'))).toEqualTypeOf<string>()
  expectTypeOf(all.map((x: number) => x, [1])).toEqualTypeOf<AsyncMapResult<number>>()
  expectTypeOf(await all.pull<number>('a')).toEqualTypeOf<number[]>()
  expectTypeOf(await all.execute('a')).toEqualTypeOf<ExecuteReply[]>()
  expectTypeOf(await all.push({ a: 1 })).toEqualTypeOf<void>()
  expectTypeOf(await all.gather<Float64Array>('x')).toEqualTypeOf<Float64Array>()
  // @ts-expect-error a string is no number
  all.apply((x: number) => x, 'one')
  // @ts-expect-error an argument is missing
  all.apply((x: number) => x)
  // @ts-expect-error its elements are strings
  all.map((x: number) => x, ['a'])
}

export function options() {
  // @ts-expect-error an option that only load-balanced views have
  all.with({ after: all.apply(() => 1) })
  // @ts-expect-error an option that only load-balanced views have
  rc.broadcastView('all', { chunkSize: 2 })
  // @ts-expect-error a yes or no
  all.with({ coalesce: 'yes' })
  // @ts-expect-error the targets are the first argument
  rc.broadcastView('all', { targets: 1 })
  // @ts-expect-error an engine is named by its number
  rc.broadcastView('some')
}

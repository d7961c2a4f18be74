/** What the compiler makes of programs with results and clients. Nothing here runs: `npm run types` is its test. */
import {
  type AsyncMapResult,
  type AsyncResult,
  Client,
  type CompositeError,
  type EngineOutput,
  type Output,
  type RemoteError,
  type RequestMetadata,
} from 'itsparallel'
import { expectTypeOf } from 'vitest'
import { balanced, one, rc } from './world.ts'

const single = one.apply(() => 1)
const many = rc.directView().apply(() => 'a')
const mapped = balanced.map((x: number) => `${x}`, [1])

/** What is told of requests is single or an array, as the values are. */
export function shapes() {
  expectTypeOf(single.metadata).toEqualTypeOf<RequestMetadata>()
  expectTypeOf(many.metadata).toEqualTypeOf<RequestMetadata[]>()
  expectTypeOf(mapped.metadata).toEqualTypeOf<RequestMetadata[]>()
  expectTypeOf(single.stdout).toEqualTypeOf<string>()
  expectTypeOf(many.stderr).toEqualTypeOf<string[]>()
  expectTypeOf(single.outputs).toEqualTypeOf<readonly Output[]>()
  expectTypeOf(many.outputs).toEqualTypeOf<(readonly Output[])[]>()
  expectTypeOf(single.targets).toEqualTypeOf<number | undefined>()
  expectTypeOf(many.targets).toEqualTypeOf<(number | undefined)[]>()
  expectTypeOf(single.metadata.started).toEqualTypeOf<Date | undefined>()
  expectTypeOf(many.msgIds).toEqualTypeOf<string[]>()
  // @ts-expect-error an array has no engine
  expectTypeOf(many.metadata.engineId).toEqualTypeOf<number>()
  // @ts-expect-error a result cannot be changed
  single.elapsed = 1
}

export async function values() {
  expectTypeOf(await single).toEqualTypeOf<number>()
  expectTypeOf(await many.get({ timeout: 1 })).toEqualTypeOf<string[]>()
  expectTypeOf(await single.then(x => x > 1)).toEqualTypeOf<boolean>()
  expectTypeOf(await single.catch(() => 'failed')).toEqualTypeOf<string | number>()
  expectTypeOf(await many.wait({ timeout: 1 })).toEqualTypeOf<boolean>()
  expectTypeOf(await many.getDict()).toEqualTypeOf<Record<number, string>>()
  expectTypeOf(await single.getDict()).toEqualTypeOf<Record<number, number>>()
  expectTypeOf(await many.allSettled()).toEqualTypeOf<PromiseSettledResult<string>[]>()
  for await (const value of many) expectTypeOf(value).toEqualTypeOf<string>()
  for await (const value of single) expectTypeOf(value).toEqualTypeOf<number>()
  for await (const value of mapped) expectTypeOf(value).toEqualTypeOf<string>()
  expectTypeOf(await Promise.all([single, many])).toEqualTypeOf<[number, string[]]>()
  expectTypeOf<AsyncMapResult<string>>().toExtend<AsyncResult<string[], 'many'>>()
  // @ts-expect-error seconds are a number
  await single.get({ timeout: '1s' })
  // @ts-expect-error there is no such option
  await single.get({ timout: 1 })
  // @ts-expect-error what it gives is a number
  expectTypeOf(await single).toEqualTypeOf<string>()
}

export async function outputs() {
  for await (const output of many.streamOutputs()) {
    expectTypeOf(output).toEqualTypeOf<EngineOutput>()
    expectTypeOf(output.engineId).toEqualTypeOf<number | undefined>()
    if (output.type === 'stream') expectTypeOf(output.text).toEqualTypeOf<string>()
    // @ts-expect-error only a stream has text
    if (output.type === 'display_data') output.text
  }
  await many.displayOutputs({ groupBy: 'engine' })
  await many.waitInteractive({ interval: 1, timeout: 10 })
  expectTypeOf(many.sent).resolves.toEqualTypeOf<void>()
  // @ts-expect-error by type or by engine
  await many.displayOutputs({ groupBy: 'order' })
}

export async function clients() {
  expectTypeOf(await Client.connect({ profile: 'mpi' })).toEqualTypeOf<Client>()
  expectTypeOf(rc.ids).toEqualTypeOf<number[]>()
  expectTypeOf(await rc.wait([single, many, 'a message id'], { timeout: 1 })).toEqualTypeOf<boolean>()
  await rc.waitForEngines(4, { timeout: 10 })
  await rc.abort(many, { targets: [0] })
  await rc.sendSignal('SIGINT', { targets: 0 })
  rc.on('stdout', ({ text, engineId }) => {
    expectTypeOf(text).toEqualTypeOf<string>()
    expectTypeOf(engineId).toEqualTypeOf<number | undefined>()
  })
  // @ts-expect-error there is no such event
  rc.on('engine:died', () => {})
  // @ts-expect-error how many engines to wait for
  await rc.waitForEngines({ timeout: 10 })
  // @ts-expect-error there is no such signal
  await rc.sendSignal('SIGNOTHING')
  // @ts-expect-error a client is connected, not made
  new Client()
}

export function errors(remote: RemoteError, composite: CompositeError) {
  expectTypeOf(remote.engineId).toEqualTypeOf<number | undefined>()
  expectTypeOf(remote.index).toEqualTypeOf<number | undefined>()
  expectTypeOf(composite.errors).toEqualTypeOf<Error[]>()
}

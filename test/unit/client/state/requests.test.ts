import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EngineUuid, MessageId } from '../../../../src/base/ids.ts'
import {
  type OutstandingRequest,
  Requests,
  type RequestsEffect,
  type RequestsEvent,
  type Route,
} from '../../../../src/client/state/requests.ts'
import { InvariantError } from '../../../../src/errors.ts'

type Machine = Requests<OutstandingRequest, string, string>
type Event = RequestsEvent<OutstandingRequest, string, string>
type Effect = RequestsEffect<OutstandingRequest, string, string>

const PATIENCE_MS = 100

function request(
  id: string,
  route: Route = 'direct',
  engine?: string,
  endsWithIdle = false,
): OutstandingRequest {
  return {
    msgId: id as MessageId,
    route,
    engine: engine as EngineUuid | undefined,
    endsWithIdle,
  }
}

function submitted(id: string, route?: Route, engine?: string, endsWithIdle?: boolean): Event {
  return { type: 'submitted', request: request(id, route, engine, endsWithIdle) }
}

function replied(msgId: string, outputs?: number): Event {
  return { type: 'replied', msgId, reply: `reply to ${msgId}`, outputs }
}

/** One line an effect, as stories are read. */
function describeEffect(effect: Effect): string {
  const { msgId } = effect.request
  if (effect.type === 'deliver') return `${msgId} prints ${effect.output}`
  const { outcome } = effect
  return `${msgId} ends: ${outcome.type === 'reply' ? outcome.reply : outcome.type}`
}

/** Runs events and gives what the machine wanted done; its invariants are checked after each. */
function run(machine: Machine, events: readonly Event[], nowMs = 0): string[] {
  return events.flatMap(event => {
    const effects = machine.handle(event, nowMs)
    machine.validate()
    return effects.map(describeEffect)
  })
}

function machine(): Machine {
  return new Requests(PATIENCE_MS)
}

describe('Requests', () => {
  it('Requests settles a request with its reply, once', () => {
    const requests = machine()
    expect(run(requests, [submitted('a'), replied('a', 0), replied('a', 0)])).toEqual(['a ends: reply to a'])
    expect(requests.size).toBe(0)
    expect(requests.strays.replies).toBe(1)
  })

  it('Requests ignores replies to what it does not know, and counts them', () => {
    const requests = machine()
    expect(run(requests, [submitted('a'), replied('b', 0)])).toEqual([])
    expect(requests.strays.replies).toBe(1)
    expect(requests.get('a')).toBeDefined()
  })

  it('Requests throws an InvariantError when an id is submitted twice', () => {
    const requests = machine()
    run(requests, [submitted('a')])
    expect(() => requests.handle(submitted('a'), 0)).toThrow(InvariantError)
  })

  it('Requests delivers the announced outputs before it settles, whichever comes first', () => {
    const output = (text: string): Event => ({ type: 'output', msgId: 'a', output: text })
    expect(run(machine(), [submitted('a'), output('1'), replied('a', 2), output('2')])).toEqual([
      'a prints 1',
      'a prints 2',
      'a ends: reply to a',
    ])
    expect(run(machine(), [submitted('a'), output('1'), output('2'), replied('a', 2)])).toEqual([
      'a prints 1',
      'a prints 2',
      'a ends: reply to a',
    ])
  })

  it('Requests waits for announced outputs no longer than its patience', () => {
    const requests = machine()
    run(requests, [submitted('a'), replied('a', 1)], 50)
    expect(requests.wakeAtMs).toBe(150)
    expect(run(requests, [{ type: 'tick' }], 149)).toEqual([])
    expect(run(requests, [{ type: 'tick' }], 150)).toEqual(['a ends: reply to a'])
    expect(requests.wakeAtMs).toBe(Number.POSITIVE_INFINITY)
    expect(run(requests, [{ type: 'output', msgId: 'a', output: 'late' }], 151)).toEqual([])
    expect(requests.strays.outputs).toBe(1)
  })

  it('Requests waits for idle where an execute reply does not count its outputs', () => {
    const idle: Event = { type: 'status', msgId: 'a', idle: true }
    const execute = submitted('a', 'direct', 'e', true)
    expect(run(machine(), [execute, replied('a'), idle])).toEqual(['a ends: reply to a'])
    expect(run(machine(), [execute, idle, replied('a')])).toEqual(['a ends: reply to a'])
    expect(run(machine(), [submitted('a'), idle, replied('a')])).toEqual(['a ends: reply to a'])
  })

  it('Requests counts status messages among the announced outputs', () => {
    const status = (idle: boolean): Event => ({ type: 'status', msgId: 'a', idle })
    const output: Event = { type: 'output', msgId: 'a', output: '1' }
    const execute = submitted('a', 'direct', 'e', true)
    expect(run(machine(), [execute, status(false), output, replied('a', 3), status(true)])).toEqual([
      'a prints 1',
      'a ends: reply to a',
    ])
    expect(run(machine(), [execute, status(true), replied('a', 2), output])).toEqual([
      'a prints 1',
      'a ends: reply to a',
    ])
  })

  it('[69] Requests fails what was sent to a dead engine, and leaves load-balanced tasks to the scheduler', () => {
    const requests = machine()
    const death: Event = { type: 'engine_died', engine: 'e1' as EngineUuid, cause: undefined }
    const events = [
      submitted('direct', 'direct', 'e1'),
      submitted('broadcast', 'broadcast', 'e1'),
      submitted('elsewhere', 'direct', 'e2'),
      submitted('task', 'balanced'),
      death,
    ]
    expect(run(requests, events)).toEqual(['direct ends: engine_died', 'broadcast ends: engine_died'])
    expect(run(requests, [replied('direct', 0)])).toEqual([])
    expect([...requests.outstanding()].map(({ msgId }) => msgId)).toEqual(['elsewhere', 'task'])
  })

  it('Requests keeps a reply in hand when its engine dies or the controller is lost', () => {
    const death: Event = { type: 'engine_died', engine: 'e1' as EngineUuid, cause: undefined }
    expect(run(machine(), [submitted('a', 'direct', 'e1'), replied('a', 3), death])).toEqual([
      'a ends: reply to a',
    ])
    const lost: Event = { type: 'disconnected', reason: new Error('gone') }
    expect(run(machine(), [submitted('a'), submitted('b'), replied('a', 3), lost])).toEqual([
      'a ends: reply to a',
      'b ends: disconnected',
    ])
  })

  it('[69] Requests settles what is given up, and ignores the reply that comes anyway', () => {
    const requests = machine()
    const giveUp: Event = { type: 'given_up', msgIds: ['a', 'unknown'], reason: 'enough' }
    expect(run(requests, [submitted('a'), submitted('b'), giveUp, replied('a', 0)])).toEqual([
      'a ends: given_up',
    ])
    expect(requests.size).toBe(1)
  })

  it('Requests tells the story of a request', () => {
    const requests = machine()
    run(requests, [
      submitted('a', 'direct', 'e1'),
      { type: 'output', msgId: 'a', output: 'x' },
      replied('a', 2),
    ])
    expect(requests.story('a')).toEqual([
      'a: submitted direct to engine e1',
      'a: 1 outputs came',
      'a: replied, waits for 2 outputs until 100',
    ])
    expect(requests.story('b')).toEqual(['b: not outstanding'])
  })

  it('Requests settles every request exactly once, whatever happens in whatever order', () => {
    const ids = ['a', 'b', 'c', 'd']
    const anEvent = fc.oneof(
      fc.record({
        type: fc.constant('replied' as const),
        msgId: fc.constantFrom(...ids),
        reply: fc.constant('reply'),
        outputs: fc.constantFrom(undefined, 0, 1, 2),
      }),
      fc.record({
        type: fc.constant('output' as const),
        msgId: fc.constantFrom(...ids),
        output: fc.constant('text'),
      }),
      fc.record({
        type: fc.constant('status' as const),
        msgId: fc.constantFrom(...ids),
        idle: fc.boolean(),
      }),
      fc.record({
        type: fc.constant('engine_died' as const),
        engine: fc.constantFrom('e0' as EngineUuid, 'e1' as EngineUuid),
        cause: fc.constant(undefined),
      }),
      fc.record({
        type: fc.constant('given_up' as const),
        msgIds: fc.subarray(ids),
        reason: fc.constant('enough'),
      }),
      fc.record({ type: fc.constant('tick' as const) }),
    )
    fc.assert(
      fc.property(fc.array(anEvent), events => {
        const requests = machine()
        const start = ids.map((id, i) =>
          submitted(id, i < 2 ? 'direct' : 'balanced', i < 2 ? `e${i}` : undefined, i % 2 === 0),
        )
        const end: Event = { type: 'disconnected', reason: new Error('gone') }
        let nowMs = 0
        const ended: string[] = []
        for (const event of [...start, ...events, end]) {
          nowMs += 40
          for (const effect of requests.handle(event, nowMs))
            if (effect.type === 'settle') ended.push(effect.request.msgId)
          requests.validate()
        }
        expect(ended.sort()).toEqual(ids)
        expect(requests.size).toBe(0)
        expect(requests.wakeAtMs).toBe(Number.POSITIVE_INFINITY)
      }),
      { numRuns: 500 },
    )
  })
})

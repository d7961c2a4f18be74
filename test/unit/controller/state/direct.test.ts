import { describe, expect, it } from 'vitest'
import { Direct, type DirectEvent } from '../../../../src/controller/state/direct.ts'
import { applyReply, applyRequest, clientA } from '../tools.ts'

function world() {
  const direct = new Direct({ forgetMs: 30_000 })
  const handle = (event: DirectEvent, nowMs = 0) => {
    const effects = direct.handle(event, nowMs)
    direct.validate()
    return effects
  }
  const ask = (msgId: string, engine: string, own = false) =>
    handle({ type: 'requested', msgId, client: clientA, engine, request: applyRequest(msgId), own })
  const answer = (msgId: string, engine: string) =>
    handle({ type: 'replied', msgId, engine, reply: applyReply(msgId) }).map(effect => effect.type)
  return { direct, handle, ask, answer }
}

describe('Direct', () => {
  it('passes requests on and notes their replies', () => {
    const { direct, handle, ask, answer } = world()
    handle({ type: 'engine_joined', engine: 'a', id: 0 })
    expect(ask('m1', 'a')).toMatchObject([{ type: 'forward_request', engine: 'a', client: clientA }])
    ask('m2', 'a')
    expect(direct.queueOf('a')).toEqual(['m1', 'm2'])
    expect(answer('m1', 'a')).toEqual(['forward_reply', 'record_reply'])
    expect(answer('m1', 'a')).toEqual(['forward_reply'])
    expect([direct.isPending('m1'), direct.isPending('m2'), direct.countOf('a')]).toEqual([false, true, 1])
    expect(direct.story('m1')).toEqual(['passed to engine a', 'answered by engine a'])
  })

  it('would pass a request that comes in on to an engine that has nothing in hand and remembers', () => {
    const { direct, handle, ask, answer } = world()
    expect(direct.wouldForward('m', 'a')).toBe(false)
    handle({ type: 'engine_joined', engine: 'a', id: 0, remembers: true })
    handle({ type: 'engine_joined', engine: 'stock', id: 1 })
    expect([direct.wouldForward('m', 'a'), direct.wouldForward('m', 'stock')]).toEqual([true, false])
    ask('other', 'a')
    expect(direct.wouldForward('m', 'a')).toBe(false)
    answer('other', 'a')
    expect(direct.wouldForward('m', 'a')).toBe(true)
    // Its answer was here before it.
    answer('m', 'a')
    expect(direct.wouldForward('m', 'a')).toBe(false)
  })

  it('would pass a reply that comes in on to a client of ours that waits for it', () => {
    const { direct, handle, ask } = world()
    handle({ type: 'engine_joined', engine: 'a', id: 0 })
    ask('own', 'a', true)
    ask('stock', 'a')
    expect(['own', 'stock', 'unknown'].map(msgId => direct.wouldRelay(msgId, 'a'))).toEqual([
      true,
      false,
      false,
    ])
    expect(direct.wouldRelay('own', 'b')).toBe(false)
    handle({ type: 'engine_left', engine: 'a' })
    expect(direct.wouldRelay('own', 'a')).toBe(false)
  })

  it('[41] is silent to stock clients about engines that are not there', () => {
    const { ask } = world()
    expect(ask('m', 'nobody')).toEqual([{ type: 'drop_request', engine: 'nobody', msgId: 'm' }])
  })

  it('tells our clients at once, and how the engine ended', () => {
    const { handle, ask } = world()
    expect(ask('m', 'a', true)).toMatchObject([{ error: { ename: 'EngineError' } }])
    handle({ type: 'engine_joined', engine: 'a', id: 3 })
    handle({ type: 'engine_left', engine: 'a', cause: { exit_code: 7 } })
    expect(ask('m', 'a', true)).toMatchObject([
      { error: { evalue: 'it is gone, and the names it held with it: engine 3 (exit code 7)' } },
    ])
  })

  it('passes late replies of a dead engine, and fails in the records what stays open', () => {
    const { direct, handle, ask, answer } = world()
    handle({ type: 'engine_joined', engine: 'a', id: 0 })
    for (const id of ['m1', 'm2']) ask(id, 'a')
    handle({ type: 'engine_left', engine: 'a' }, 1000)
    expect([direct.isPending('m1'), direct.wakeAtMs]).toEqual([true, 31_000])
    expect(answer('m1', 'a')).toEqual(['forward_reply', 'record_reply'])
    expect(handle({ type: 'tick' }, 30_999)).toEqual([])
    expect(handle({ type: 'tick' }, 31_000)).toMatchObject([
      { type: 'record_failure', msgId: 'm2', error: { ename: 'EngineError' } },
    ])
    expect(answer('m2', 'a')).toEqual(['forward_reply'])
  })

  it('tells our clients a little after a death, who may have missed it and the return of the engine', () => {
    const { direct, handle, ask, answer } = world()
    handle({ type: 'engine_joined', engine: 'a', id: 0 })
    for (const id of ['m1', 'm2']) ask(id, 'a', true)
    expect(handle({ type: 'engine_left', engine: 'a', cause: { reason: 'silent' } }, 500)).toEqual([])
    handle({ type: 'engine_joined', engine: 'a', id: 0 }, 600)
    expect([direct.isPending('m1'), direct.wakeAtMs]).toEqual([true, 1500])
    expect(answer('m1', 'a')).toEqual(['forward_reply', 'record_reply'])
    const error = { ename: 'EngineError', evalue: expect.stringContaining('engine 0 (silent)') }
    expect(handle({ type: 'tick' }, 1500)).toMatchObject([
      { type: 'answer_error', client: clientA, engine: 'a', error },
      { type: 'record_failure', msgId: 'm2', error },
    ])
    expect([direct.size, direct.wakeAtMs]).toEqual([0, Number.POSITIVE_INFINITY])
  })

  it('fails what was under way when a connection broke, once the engine is back, and nothing newer', () => {
    const { direct, handle, ask } = world()
    handle({ type: 'engine_joined', engine: 'a', id: 3 })
    ask('own', 'a', true)
    ask('stock', 'a')
    expect(handle({ type: 'engine_disconnected', engine: 'a' })).toEqual([])
    ask('later', 'a', true)
    expect(handle({ type: 'engine_reconnected', engine: 'a' })).toMatchObject([
      { type: 'answer_error', client: clientA, error: { ename: 'EngineError' } },
      { type: 'record_failure', msgId: 'own' },
    ])
    expect(handle({ type: 'engine_reconnected', engine: 'a' })).toEqual([])
    expect(direct.queueOf('a')).toEqual(['stock', 'later'])
  })

  it('sends again what was under way to an engine that remembers, whole and in order, and fails nothing', () => {
    const { direct, handle, ask, answer } = world()
    handle({ type: 'engine_joined', engine: 'a', id: 3, remembers: true })
    ask('own', 'a', true)
    ask('answered', 'a', true)
    ask('stock', 'a')
    answer('answered', 'a')
    handle({ type: 'engine_disconnected', engine: 'a' })
    ask('later', 'a', true)
    const again = handle({ type: 'engine_reconnected', engine: 'a' })
    expect(again).toMatchObject([
      { type: 'repeat_request', engine: 'a', client: clientA },
      { type: 'repeat_request', engine: 'a' },
    ])
    expect(again.map(effect => effect.type === 'repeat_request' && effect.request.header.msg_id)).toEqual([
      'own',
      'stock',
    ])
    expect(handle({ type: 'engine_reconnected', engine: 'a' })).toEqual([])
    expect(direct.queueOf('a')).toEqual(['own', 'stock', 'later'])
    expect(answer('own', 'a')).toEqual(['forward_reply', 'record_reply'])
  })

  it('keeps a large request whole until its reply, where it may be sent again', () => {
    const { handle } = world()
    const request = applyRequest('m', {}, 'x'.repeat(2 << 20))
    const repeated = (engine: string, remembers: boolean) => {
      handle({ type: 'engine_joined', engine, id: 3, remembers })
      handle({ type: 'requested', msgId: 'm', client: clientA, engine, request, own: true })
      handle({ type: 'engine_disconnected', engine })
      return handle({ type: 'engine_reconnected', engine })[0]
    }
    expect(repeated('a', true)).toMatchObject({ type: 'repeat_request', request: { isCutShort: false } })
    expect(repeated('b', false)).toMatchObject({ type: 'answer_error', request: { isCutShort: true } })
  })

  it('gives an answer that came before its request, which the engine would not give in other bytes', () => {
    const { direct, handle, ask, answer } = world()
    handle({ type: 'engine_joined', engine: 'a', id: 0, remembers: true })
    expect(answer('m1', 'a')).toEqual(['forward_reply'])
    expect(answer('m2', 'a')).toEqual(['forward_reply'])
    expect(ask('m1', 'a', true)).toMatchObject([
      { type: 'forward_reply' },
      { type: 'record_reply', msgId: 'm1' },
    ])
    expect(ask('m2', 'b', true)).toMatchObject([{ type: 'answer_error' }])
    expect(direct.size).toBe(0)
    // A name that is used again is another request.
    expect(ask('m1', 'a', true)).toMatchObject([{ type: 'forward_request' }])
  })

  it('remembers what an engine had that died, came back and died again', () => {
    const { handle, ask } = world()
    for (const msgId of ['first', 'second']) {
      handle({ type: 'engine_joined', engine: 'a', id: 3 })
      ask(msgId, 'a')
      handle({ type: 'engine_left', engine: 'a' })
    }
    expect(handle({ type: 'tick' }, 30_000)).toHaveLength(2)
  })
})

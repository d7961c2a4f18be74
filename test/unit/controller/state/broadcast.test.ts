import { describe, expect, it } from 'vitest'
import { Broadcast, type BroadcastEvent } from '../../../../src/controller/state/broadcast.ts'
import type { Json } from '../../../../src/protocol/envelope.ts'
import { applyReply, applyRequest, clientA, OWN } from '../tools.ts'

function world() {
  const broadcast = new Broadcast()
  const handle = (event: BroadcastEvent, nowMs = 0) => {
    const effects = broadcast.handle(event, nowMs)
    broadcast.validate()
    return effects
  }
  for (const [id, engine] of ['a', 'b', 'c'].entries()) handle({ type: 'engine_joined', engine, id })
  const ask = (metadata: Json) =>
    handle({ type: 'requested', client: clientA, request: applyRequest('m', metadata) })
  const answer = (engine: string, coalescing: boolean, status = 'ok') => {
    const metadata = { status, is_broadcast: true, is_coalescing: coalescing, original_msg_id: 'm' }
    const reply = applyReply(`m_${engine}`, metadata, `value of ${engine}`)
    return handle({ type: 'replied', engine, client: clientA, reply })
  }
  return { broadcast, handle, ask, answer }
}

const pairs = [
  ['b', 1],
  ['a', 0],
]

describe('Broadcast', () => {
  it('[58] gives each target its own header, and passes replies on as they come', () => {
    const { ask, answer } = world()
    const effects = ask({ targets: pairs, is_broadcast: true, is_coalescing: false, label: 'l' })
    expect(effects).toMatchObject([
      {
        type: 'send_request',
        engine: 'b',
        header: { msg_id: 'm_b', msg_type: 'apply_request' },
        metadata: { targets: [['b', 1]], original_msg_id: 'm', is_broadcast: true, label: 'l' },
      },
      { type: 'send_request', engine: 'a', header: { msg_id: 'm_a' } },
    ])
    expect(answer('a', false)).toMatchObject([{ type: 'forward_reply', client: clientA }])
  })

  it('knows what each target has not answered', () => {
    const { broadcast, ask, answer } = world()
    ask({ targets: pairs, is_broadcast: true, is_coalescing: true })
    expect(broadcast.queueOf('a')).toEqual(['m_a'])
    answer('a', true)
    expect([broadcast.queueOf('a'), broadcast.queueOf('b'), broadcast.queueOf('c')]).toEqual([
      [],
      ['m_b'],
      [],
    ])
    expect(broadcast.isPending('b', 'm_b')).toBe(true)
  })

  it('[59] coalesces in the order of the request, with pairs', () => {
    const { broadcast, ask, answer } = world()
    ask({ targets: pairs, is_broadcast: true, is_coalescing: true })
    expect(answer('a', true)).toEqual([])
    const [effect] = answer('b', true)
    expect(effect).toMatchObject({
      type: 'send_coalesced',
      metadata: { status: 'ok', broadcast_targets: pairs },
    })
    expect(effect?.type === 'send_coalesced' && effect.buffers.map(String)).toEqual([
      'value of b',
      'value of a',
    ])
    expect(broadcast.size).toBe(0)
    expect(answer('b', true)).toMatchObject([{ type: 'drop' }])
  })

  it('[60] reports the failure of one target for all', () => {
    const { ask, answer } = world()
    ask({ targets: pairs, is_broadcast: true, is_coalescing: true })
    answer('a', true, 'error')
    expect(answer('b', true)).toMatchObject([
      { type: 'send_coalesced', metadata: { status: 'error', broadcast_targets: pairs }, buffers: [] },
    ])
  })

  it('takes no replies of strangers for a coalesced one', () => {
    const { ask, answer } = world()
    ask({ targets: pairs, is_broadcast: true, is_coalescing: true })
    expect(answer('c', true)).toMatchObject([{ type: 'drop' }])
  })

  it('forgets what a dead target leaves incomplete, and tells our clients', () => {
    const { broadcast, handle, ask, answer } = world()
    ask({ targets: pairs, is_broadcast: true, is_coalescing: true })
    expect(handle({ type: 'engine_left', engine: 'a' })).toEqual([])
    expect(answer('b', true)).toMatchObject([{ type: 'drop' }])
    expect(broadcast.size).toBe(0)
    ask({ targets: [['b', 1]], is_broadcast: true, is_coalescing: true, ...OWN })
    expect(handle({ type: 'engine_left', engine: 'b', cause: { signal: 'SIGKILL' } }, 500)).toEqual([])
    expect(broadcast.wakeAtMs).toBe(1500)
    expect(handle({ type: 'tick' }, 1499)).toEqual([])
    expect(handle({ type: 'tick' }, 1500)).toMatchObject([
      {
        type: 'answer_error',
        header: { msg_id: 'm_b' },
        error: { ename: 'EngineError', evalue: expect.stringContaining('SIGKILL') },
      },
    ])
    expect([broadcast.size, broadcast.wakeAtMs]).toEqual([0, Number.POSITIVE_INFINITY])
  })

  it('tells our clients of nothing that an engine answers when it comes back', () => {
    const { broadcast, handle, ask, answer } = world()
    ask({ targets: pairs, is_broadcast: true, is_coalescing: false, ...OWN })
    handle({ type: 'engine_left', engine: 'a' })
    handle({ type: 'engine_joined', engine: 'a', id: 0 }, 100)
    expect(answer('a', false)).toMatchObject([{ type: 'forward_reply' }])
    expect(answer('b', false)).toMatchObject([{ type: 'forward_reply' }])
    expect(handle({ type: 'tick' }, 2000)).toEqual([])
    expect(broadcast.size).toBe(0)
  })

  it('tells our clients what each reply of a coalesced one says', () => {
    const { ask, answer } = world()
    ask({ targets: pairs, is_broadcast: true, is_coalescing: true, ...OWN })
    answer('a', true)
    const [effect] = answer('b', true)
    expect(effect).toMatchObject({
      type: 'send_coalesced',
      metadata: { replies: pairs.map(() => ({ status: 'ok', date: expect.any(String) })) },
    })
  })

  it('gives our clients every reply by itself when a target failed', () => {
    const { broadcast, ask, answer } = world()
    ask({ targets: pairs, is_broadcast: true, is_coalescing: true, ...OWN })
    answer('a', true, 'error')
    expect(answer('b', true)).toMatchObject([
      { type: 'forward_reply', reply: { parentHeader: { msg_id: 'm_b' } } },
      { type: 'forward_reply', reply: { parentHeader: { msg_id: 'm_a' } } },
    ])
    expect(broadcast.size).toBe(0)
  })

  it('loses no reply of our clients when a target dies', () => {
    const { broadcast, handle, ask, answer } = world()
    const targets = [...pairs, ['c', 2]]
    ask({ targets, is_broadcast: true, is_coalescing: true, ...OWN })
    answer('a', true)
    expect(handle({ type: 'engine_left', engine: 'b' })).toMatchObject([
      { type: 'forward_reply', reply: { parentHeader: { msg_id: 'm_a' } } },
    ])
    expect(answer('c', true)).toMatchObject([{ type: 'forward_reply' }])
    expect(answer('c', true)).toMatchObject([{ type: 'drop' }])
    expect(handle({ type: 'tick' }, 1000)).toMatchObject([
      { type: 'answer_error', header: { msg_id: 'm_b' }, error: { ename: 'EngineError' } },
    ])
    expect(broadcast.size).toBe(0)
  })

  it('sends again what was under way to a target that remembers', () => {
    const { broadcast, handle, ask, answer } = world()
    handle({ type: 'engine_joined', engine: 'd', id: 3, remembers: true })
    ask({ targets: [...pairs, ['d', 3]], is_broadcast: true, is_coalescing: false })
    handle({ type: 'engine_disconnected', engine: 'd' })
    expect(handle({ type: 'engine_reconnected', engine: 'd' })).toMatchObject([
      { type: 'send_request', engine: 'd', header: { msg_id: 'm_d' }, isAgain: true },
    ])
    expect(handle({ type: 'engine_reconnected', engine: 'd' })).toEqual([])
    for (const engine of ['a', 'b', 'd']) answer(engine, false)
    handle({ type: 'engine_disconnected', engine: 'd' })
    expect(handle({ type: 'engine_reconnected', engine: 'd' })).toEqual([])
    expect(broadcast.size).toBe(0)
  })

  it.each([true, false])('tells our clients of a target that does not, coalescing or not: %s', coalescing => {
    const { broadcast, handle, ask, answer } = world()
    ask({ targets: pairs, is_broadcast: true, is_coalescing: coalescing, ...OWN })
    answer('b', coalescing)
    handle({ type: 'engine_disconnected', engine: 'a' })
    const told = handle({ type: 'engine_reconnected', engine: 'a' })
    expect(told.at(-1)).toMatchObject({
      type: 'answer_error',
      header: { msg_id: 'm_a' },
      metadata: { is_coalescing: false },
      error: { ename: 'EngineError', evalue: expect.stringContaining('the connection of engine 0 broke') },
    })
    // What was gathered of the others is given out.
    expect(told.length).toBe(coalescing ? 2 : 1)
    expect(broadcast.size).toBe(0)
    // Should its reply come after all, nobody waits for it.
    expect(answer('a', coalescing)).toMatchObject([{ type: coalescing ? 'drop' : 'forward_reply' }])
  })

  it('leaves a stock client waiting for a target that does not, as the original does', () => {
    const { handle, ask, answer } = world()
    ask({ targets: pairs, is_broadcast: true, is_coalescing: false })
    handle({ type: 'engine_disconnected', engine: 'a' })
    expect(handle({ type: 'engine_reconnected', engine: 'a' })).toEqual([])
    expect(answer('a', false)).toMatchObject([{ type: 'forward_reply' }])
  })

  it('tells our clients of targets that are not there, and leaves stock ones to their notification', () => {
    const { ask } = world()
    const targets = [
      ['a', 0],
      ['gone', 9],
    ]
    const types = (metadata: Json) => ask(metadata).map(effect => effect.type)
    expect(types({ targets, is_coalescing: false })).toEqual(['send_request'])
    expect(types({ targets, is_coalescing: false, ...OWN })).toEqual(['send_request', 'answer_error'])
    expect(types({ targets, is_coalescing: true, ...OWN })).toEqual(['send_request', 'answer_error'])
  })

  it.each([undefined, 'a', [7], [['a', 'b']], [[0, 'a']], {}])('refuses targets %j', targets => {
    const { ask } = world()
    expect(ask({ targets })).toMatchObject([{ type: 'drop' }])
    expect(ask({ targets, ...OWN })).toMatchObject([{ type: 'answer_error', error: { ename: 'TypeError' } }])
  })
})

import { describe, expect, it } from 'vitest'
import { Hub, type HubEffect } from '../../../../src/controller/state/hub.ts'
import { HubQueries } from '../../../../src/controller/state/hub-queries.ts'
import {
  answerQuestion,
  type RecordAnswer,
  type RecordQuestion,
} from '../../../../src/controller/state/record-questions.ts'
import { Records } from '../../../../src/controller/state/records.ts'
import { WireError } from '../../../../src/controller/state/wire-error.ts'
import type { ConnectionInfo } from '../../../../src/protocol/catalogue.ts'
import type { Json } from '../../../../src/protocol/envelope.ts'
import { applyReply, applyRequest, clientA, envelope } from '../tools.ts'

const info: ConnectionInfo = {
  interface: 'tcp://127.0.0.1',
  registration: 1,
  control: 2,
  mux: 3,
  task: 4,
  iopub: 5,
  hb_ping: 6,
  hb_pong: 7,
  broadcast: [8],
}

class World {
  readonly records = new Records()
  readonly pending = new Set<string>()
  readonly trailing = new Set<string>()
  readonly hub: Hub
  #named = 0

  constructor() {
    const queries = new HubQueries({
      nextMessageId: () => `new_${++this.#named}`,
      queues: {
        isPending: id => this.pending.has(id),
        isTrailing: id => this.trailing.has(id),
        directOf: engine => (engine === 'u0' ? ['d1', 'd2'] : []),
        tasksOf: engine => (engine === 'u0' ? ['t1'] : []),
        unassigned: () => ['w1'],
      },
    })
    this.queries = queries
    this.hub = new Hub({
      queries,
      connectionInfo: () => info,
      heartbeatMs: 3000,
      registrationTimeoutMs: 30_000,
      linkGraceMs: 500,
    })
  }
  readonly queries: HubQueries

  request(type: string, content: Json, nowMs = 0): HubEffect[] {
    const { header } = envelope({ type: 'connection_request', msgId: 'q' })
    const effects = this.hub.handle(
      { type: 'hub_request', from: clientA, header: { ...header, msg_type: type }, content },
      nowMs,
    )
    this.hub.validate()
    return effects.flatMap(effect =>
      effect.type === 'ask_records'
        ? this.hub.handle(
            { ...effect, type: 'records_answered', answer: this.#answer(effect.question) },
            nowMs,
          )
        : [effect],
    )
  }

  #answer(question: RecordQuestion): RecordAnswer | WireError {
    try {
      return answerQuestion(question, this.records)
    } catch (error) {
      if (error instanceof WireError) return error
      throw error
    }
  }

  /** The content of the only reply. */
  ask(type: string, content: Json = {}): { type: string; content: Json; buffers: readonly string[] } {
    const [effect] = this.request(type, content)
    if (effect?.type !== 'reply') throw new Error(`no reply to ${type}`)
    expect(effect.parent?.msg_id).toBe('q')
    const buffers = (effect.buffers ?? []).map(String)
    return { type: effect.messageType, content: effect.content as Json, buffers }
  }

  /** Registers; the number that it got, or the name of the error. */
  register(uuid: unknown, id?: unknown, nowMs = 0): unknown {
    const [effect] = this.request(
      'registration_request',
      { uuid, ...(id === undefined ? {} : { id }) },
      nowMs,
    )
    if (effect?.type !== 'reply') return undefined
    expect(effect.parent).toBeUndefined()
    const content = effect.content as Json
    return content.status === 'ok' ? content.id : content.evalue
  }

  start(engine: string): HubEffect[] {
    const effects = this.hub.handle({ type: 'heart_started', engine }, 0)
    this.hub.validate()
    return effects
  }

  join(...names: string[]): void {
    for (const name of names) {
      this.register(name)
      this.start(name)
    }
  }

  get ids(): unknown {
    return this.ask('connection_request').content.engines
  }

  run(msgId: string, engine = 'u0', value = 'value', metadata: Json = {}): void {
    const request = applyRequest(msgId, metadata)
    this.records.submitted(msgId, request, 'mux', engine)
    this.records.finished(msgId, request, 'mux', engine, applyReply(msgId, { status: 'ok' }, value), 'now')
    this.queries.completed(engine, msgId)
  }
}

const kinds = (effects: HubEffect[]): string[] =>
  effects.map(effect => (effect.type === 'notify' ? effect.messageType : effect.type))

describe('Hub', () => {
  describe('registration', () => {
    it('[17] answers with number, status, heartbeat and connections', () => {
      const world = new World()
      const effects = world.request('registration_request', { uuid: 'u0' })
      expect(effects).toEqual([
        {
          type: 'reply',
          to: clientA,
          messageType: 'registration_reply',
          parent: undefined,
          content: { id: 0, status: 'ok', hb_period: 3000, connection_info: info },
        },
        { type: 'await_heart', engine: 'u0' },
      ])
    })

    it('[18] counts numbers and grants free ones that are asked for', () => {
      const world = new World()
      expect(world.register('a')).toBe(0)
      expect(world.register('b', 5)).toBe(5)
      expect(world.register('c')).toBe(6)
      expect(world.register('d', 3)).toBe(3)
      expect(world.register('e', 5)).toBe(7)
      const odd = [-1, 1.5, '8', null, Number.MAX_SAFE_INTEGER]
      expect(odd.map((id, at) => world.register(`x${at}`, id))).toEqual([8, 9, 10, 11, 12])
    })

    it('[19] refuses a uuid in use, and uses up a number for it', () => {
      const world = new World()
      expect(world.register('a')).toBe(0)
      expect(world.register('a')).toBe(`"uuid 'a' in use"`)
      expect(world.register('b')).toBe(2)
      expect(world.register(undefined)).toBeUndefined()
      expect(world.register(7)).toBeUndefined()
      expect(world.register('a.b')).toContain('a uuid may have')
    })

    it('[20] is complete, and told, at the first pong', () => {
      const world = new World()
      world.register('a')
      expect(world.ids).toEqual({})
      expect(world.start('a')).toEqual([
        { type: 'admit_engine', engine: 'a', id: 0, recalls: false, remembers: false },
        { type: 'notify', messageType: 'registration_notification', content: { id: 0, uuid: 'a' } },
      ])
      expect(world.start('a')).toEqual([])
      expect(world.ids).toEqual({ 0: 'a' })
    })

    it('[21] that never beats is dropped after its time', () => {
      const world = new World()
      world.register('a', undefined, 10)
      expect(world.hub.wakeAtMs).toBe(30_010)
      expect(world.hub.handle({ type: 'tick' }, 30_009)).toEqual([])
      expect(world.hub.handle({ type: 'tick' }, 30_010)).toEqual([{ type: 'forget_heart', engine: 'a' }])
      expect(world.start('a')).toEqual([])
      expect(world.register('b')).toBe(1)
    })
  })

  describe('unregistration', () => {
    it('[23] [24] [25] tells once, with its cause, whatever says so', () => {
      const causes: [() => HubEffect[], object][] = []
      const world = new World()
      world.join('a', 'b', 'c', 'd')
      const cause = { signal: 'SIGKILL', stderr: 'x', exit_code: 'no', extra: 1 }
      causes.push([() => world.request('unregistration_request', { id: 0 }), { id: 0, uuid: 'a' }])
      causes.push([
        () => world.request('unregistration_request', { uuid: 'b', cause }),
        { id: 1, uuid: 'b', cause: { signal: 'SIGKILL', stderr: 'x' } },
      ])
      causes.push([
        () => world.hub.handle({ type: 'heart_stopped', engine: 'c', misses: 11 }, 0),
        { id: 2, uuid: 'c', cause: { reason: 'its heartbeat stopped: 11 misses' } },
      ])
      causes.push([
        () => world.hub.handle({ type: 'shutdown_seen', engine: 'd', restart: false }, 0),
        { id: 3, uuid: 'd', cause: { reason: 'it was shut down', shutdown: 'stop' } },
      ])
      for (const [leave, content] of causes) {
        const effects = leave()
        expect(kinds(effects)).toEqual(['forget_heart', 'unregistration_notification', 'dismiss_engine'])
        expect(effects[1]).toMatchObject({ content })
        expect(leave()).toEqual([])
      }
      expect(world.ids).toEqual({})
    })

    it.each([{}, { id: 99 }, { id: 'x' }, { uuid: 'nobody' }, { id: null }])('ignores %j', content => {
      const world = new World()
      world.join('a')
      expect(world.request('unregistration_request', content)).toEqual([])
      expect(world.ids).toEqual({ 0: 'a' })
    })

    it('of an engine that is still pending cancels it', () => {
      const world = new World()
      world.register('a')
      expect(world.request('unregistration_request', { id: 0 })).toEqual([
        { type: 'forget_heart', engine: 'a' },
      ])
    })

    it('follows a lost connection that does not come back in time', () => {
      const world = new World()
      world.join('a')
      world.hub.handle({ type: 'link_lost', engine: 'a', channel: 'task' }, 100)
      world.hub.handle({ type: 'link_lost', engine: 'a', channel: 'mux' }, 110)
      world.hub.handle({ type: 'link_joined', engine: 'a', channel: 'task' }, 200)
      expect(world.hub.wakeAtMs).toBe(610)
      world.hub.handle({ type: 'link_joined', engine: 'a', channel: 'mux' }, 300)
      expect(world.hub.handle({ type: 'tick' }, 700)).toEqual([])
      world.hub.handle({ type: 'link_lost', engine: 'a', channel: 'task' }, 1000)
      const effects = world.hub.handle({ type: 'tick' }, 1500)
      expect(effects[1]).toMatchObject({ content: { id: 0, cause: { reason: 'connection lost' } } })
      world.hub.validate()
    })

    it('of an engine of another make waits for the cause that its keeper tells', () => {
      const world = new World()
      world.join('kept-a', 'kept-b')
      for (const [engine, id] of Object.entries({ 'kept-a': 0, 'kept-b': 1 })) {
        expect(world.request('unregistration_request', { id })).toEqual([])
        world.hub.handle({ type: 'link_lost', engine, channel: 'task' }, 100)
      }
      world.hub.validate()
      const cause = { signal: 'SIGKILL' }
      const told = world.request('unregistration_request', { id: 0, uuid: 'kept-a', cause }, 800)
      expect(told[1]).toMatchObject({ content: { id: 0, cause } })
      expect(world.hub.wakeAtMs).toBe(1600)
      // Its keeper is gone, too.
      const [, untold] = world.hub.handle({ type: 'tick' }, 1600)
      expect(untold).toMatchObject({ content: { id: 1, cause: { reason: 'connection lost' } } })
      world.hub.validate()
    })

    it('frees the uuid, which may come back under a new number', () => {
      const world = new World()
      world.join('a')
      world.request('unregistration_request', { id: 0 })
      world.join('a')
      expect(world.ids).toEqual({ 1: 'a' })
    })
  })

  it('[29] answers connection requests as often as they come', () => {
    const world = new World()
    world.join('a', 'b')
    for (let i = 0; i < 3; i++) expect(world.ids).toEqual({ 0: 'a', 1: 'b' })
  })

  it('[38] replies to a shutdown request, tells everybody and stops', () => {
    const world = new World()
    expect(kinds(world.request('shutdown_request', {}))).toEqual([
      'reply',
      'shutdown_notification',
      'stop_controller',
    ])
  })

  it.each([
    ['nonsense_request', 'KeyError', `"Bad Message Type: 'nonsense_request'"`],
    ['', 'KeyError', `"Bad Message Type: ''"`],
    ['become_dask_request', 'ModuleNotFoundError', "No module named 'distributed'"],
  ])('[31] answers %j with hub_error', (type, ename, evalue) => {
    const { type: replyType, content } = new World().ask(type)
    expect(replyType).toBe('hub_error')
    expect(content).toMatchObject({ status: 'error', ename, evalue, engine_info: {} })
    expect(content.traceback).toEqual(['Traceback (most recent call last):\n', `${ename}: ${evalue}\n`])
  })

  describe('[30] queue_request', () => {
    const world = new World()
    world.join('u0', 'u1')
    world.run('m1')
    const counts = { queue: 2, completed: 1, tasks: 1 }
    const none = { queue: 0, completed: 0, tasks: 0 }

    it.each([
      [{ targets: null }, { status: 'ok', 0: counts, 1: none, unassigned: 1 }],
      [{ targets: 0 }, { status: 'ok', 0: counts, unassigned: 1 }],
      [{ targets: 'u1' }, { status: 'ok', 1: none, unassigned: 1 }],
      [{ targets: ['u0', 1] }, { status: 'ok', 0: counts, 1: none, unassigned: 1 }],
      [
        { targets: [0], verbose: true },
        { status: 'ok', 0: { queue: ['d1', 'd2'], completed: ['m1'], tasks: ['t1'] }, unassigned: ['w1'] },
      ],
    ])('answers %j', (content, expected) => {
      expect(world.ask('queue_request', content)).toMatchObject({ type: 'queue_reply', content: expected })
    })

    it.each([
      [{ targets: [99] }, 'IndexError', 'No Such Engine: [99]'],
      [{ targets: 99 }, 'IndexError', 'No Such Engine: [99]'],
      [{ targets: ['x', 0] }, 'IndexError', "No Such Engine: ['x']"],
      [{ targets: {} }, 'IndexError', 'No Such Engine: [{}]'],
      [{ targets: [] }, 'IndexError', 'No Engines Registered'],
      [{}, 'KeyError', "'targets'"],
    ])('refuses %j', (content, ename, evalue) => {
      const reply = world.ask('queue_request', content)
      expect(reply).toMatchObject({ type: 'hub_error', content: { ename, evalue } })
    })
  })

  describe('[32] result_request', () => {
    const world = new World()
    world.join('u0')
    world.run('b', 'u0', 'second')
    world.run('a', 'u0', 'first')
    world.pending.add('p')

    it('gives ids only where the status is all that is wanted', () => {
      const { content, buffers } = world.ask('result_request', { msg_ids: ['b', 'p'], status_only: true })
      expect(content).toEqual({ status: 'ok', pending: ['p'], completed: ['b'] })
      expect(buffers).toEqual([])
    })

    it('says which of the pending ones were answered, and wait for their output only', () => {
      world.pending.add('t')
      world.trailing.add('t')
      const { content } = world.ask('result_request', { msg_ids: ['b', 'p', 't'], status_only: true })
      expect(content).toEqual({ status: 'ok', pending: ['p', 't'], trailing: ['t'], completed: ['b'] })
    })

    it('gives records and buffers in the order of the ids, each once', () => {
      const { content, buffers } = world.ask('result_request', { msg_ids: ['b', 'a', 'b'] })
      expect(content.completed).toEqual(['a', 'b'])
      expect(buffers).toEqual(['first', 'second'])
      expect(content.a).toMatchObject({
        header: { msg_id: 'a' },
        result_content: { status: 'ok' },
        received: 'now',
        io: { execute_input: null, execute_result: null, error: null, stdout: '', stderr: '' },
      })
    })

    it.each([
      [{ msg_ids: ['nosuch_1'] }, 'KeyError', "'No such message: nosuch_1'"],
      [{}, 'KeyError', "'msg_ids'"],
      [{ msg_ids: 7 }, 'TypeError', 'msg_ids must be a list of message ids'],
    ])('refuses %j', (content, ename, evalue) => {
      const reply = world.ask('result_request', content)
      expect(reply).toMatchObject({ type: 'result_reply', content: { status: 'error', ename, evalue } })
    })
  })

  describe('[34] db_request', () => {
    const world = new World()
    world.join('u0')
    world.run('a', 'u0', 'first', { label: 'mine' })
    world.run('b', 'u0', 'second')

    it('without keys gives every field but the buffers', () => {
      const { content } = world.ask('db_request', { query: { msg_id: 'a' }, keys: null })
      const [record] = content.records as Json[]
      expect(Object.keys(record!)).toHaveLength(21)
      expect(record).toMatchObject({
        msg_id: 'a',
        queue: 'mux',
        engine_uuid: 'u0',
        label: 'mine',
        stdout: '',
      })
      expect([content.buffer_lens, content.result_buffer_lens]).toEqual([null, null])
    })

    it('with keys gives these, and the buffers of each record where they are asked for', () => {
      const { content, buffers } = world.ask('db_request', {
        query: {},
        keys: ['queue', 'buffers', 'result_buffers'],
      })
      expect(content.records).toEqual([
        { msg_id: 'a', queue: 'mux' },
        { msg_id: 'b', queue: 'mux' },
      ])
      expect([content.buffer_lens, content.result_buffer_lens]).toEqual([
        [1, 1],
        [1, 1],
      ])
      expect(buffers).toEqual(['call', 'first', 'call', 'second'])
    })

    it.each([
      [{ query: { msg_id: { $near: 1 } } }, 'KeyError'],
      [{ query: {}, keys: ['nosuch'] }, 'KeyError'],
      [{ query: 7 }, 'TypeError'],
      [{ query: {}, keys: 'msg_id' }, 'TypeError'],
    ])('refuses %j', (content, ename) => {
      expect(world.ask('db_request', content)).toMatchObject({
        type: 'db_reply',
        content: { status: 'error', ename },
      })
    })
  })

  it('[33] tells the history by the time of submission', () => {
    const world = new World()
    for (const [msgId, date] of [
      ['late', '2026-11-22T10:00:00.5Z'],
      ['early', '2026-11-22T10:00:00.123456Z'],
    ] as const) {
      const request = applyRequest(msgId)
      Object.assign(request.header, { date })
      world.records.submitted(msgId, request, 'task')
    }
    world.records.output('only-output', 'stream', { name: 'stdout', text: 'x' })
    expect(world.ask('history_request').content.history).toEqual(['early', 'late'])
  })

  it('[36] purges by id, by engine and everything, but nothing that is pending', () => {
    const world = new World()
    world.join('u0', 'u1')
    world.run('a', 'u0')
    world.run('b', 'u1')
    world.run('c', 'u0')
    world.records.submitted('p', applyRequest('p'), 'task')
    world.pending.add('p')
    const history = () => world.ask('history_request').content.history
    expect(world.ask('purge_request', { msg_ids: ['a', 'p'] }).content).toMatchObject({
      ename: 'IndexError',
      evalue: "msg pending: 'p'",
    })
    expect(world.ask('purge_request', { engine_ids: [99] }).content).toMatchObject({
      ename: 'IndexError',
      evalue: 'No such engine: 99',
    })
    expect(history()).toEqual(['a', 'b', 'c', 'p'])
    expect(world.ask('purge_request', { msg_ids: ['a'] }).content).toEqual({ status: 'ok' })
    expect(world.ask('purge_request', { engine_ids: [1] }).content).toEqual({ status: 'ok' })
    expect(history()).toEqual(['c', 'p'])
    expect(world.ask('purge_request', { msg_ids: 'all' }).content).toEqual({ status: 'ok' })
    expect(history()).toEqual(['p'])
  })

  it('[37] resubmits under new names', () => {
    const world = new World()
    world.join('u0')
    world.run('a')
    const effects = world.request('resubmit_request', { msg_ids: ['a'] })
    expect(effects[0]).toMatchObject({ content: { status: 'ok', resubmitted: { a: 'new_1' } } })
    expect(effects[1]).toMatchObject({ type: 'submit_again', newId: 'new_1' })
    const { content } = world.ask('db_request', { query: { msg_id: 'a' }, keys: ['resubmitted'] })
    expect(content.records).toEqual([{ msg_id: 'a', resubmitted: 'new_1' }])
    expect(world.ask('resubmit_request', { msg_ids: ['nope'] }).content).toMatchObject({
      ename: 'KeyError',
      evalue: `"No such msg(s): ['nope']"`,
    })
  })
})

/** What every store of records must do, whatever it keeps them in. */

import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { RecordStore } from '../../src/controller/records/record-store.ts'
import { MemoryStore } from '../../src/controller/records/record-store.ts'
import type { Fields } from '../../src/controller/state/query.ts'
import type { RecordAnswer, RecordQuestion } from '../../src/controller/state/record-questions.ts'
import { WireError } from '../../src/controller/state/wire-error.ts'
import { Envelope, type Json } from '../../src/protocol/envelope.ts'
import { applyReply, applyRequest, envelope } from '../unit/controller/tools.ts'

const RECEIVED = '2026-11-22T08:00:09.000000Z'

/** A request as if it were sent in this second of a minute. */
function requestAt(
  msgId: string,
  second: number,
  buffers: readonly string[] = ['call'],
  metadata: Json = {},
) {
  const date = `2026-11-22T08:00:${String(second).padStart(2, '0')}.000000Z`
  const request = envelope({
    type: 'apply_request',
    msgId,
    metadata,
    buffers: buffers.map(text => Buffer.from(text)),
  })
  const header = { ...request.header, date, session: `client-${second % 2}` }
  return withFrame(request, HEADER, JSON.stringify(header))
}

/** The same message with another frame in one place, counted from its delimiter. */
function withFrame(message: Envelope, place: number, text: string): Envelope {
  return Envelope.cut(message.frames.with(message.delimiterAt + place, Buffer.from(text)))!
}

const HEADER = 2
const CONTENT = 5

async function ask(store: RecordStore, question: RecordQuestion): Promise<RecordAnswer> {
  return await store.ask(question)
}

async function refusal(store: RecordStore, question: RecordQuestion): Promise<string> {
  try {
    await store.ask(question)
  } catch (error) {
    if (error instanceof WireError) return error.message
    throw error
  }
  throw new Error('it was not refused')
}

function find(store: RecordStore, query: Fields, keys: readonly string[] | null = ['queue']) {
  return ask(store, { type: 'query', query, keys })
}

async function idsOf(store: RecordStore, query: Fields): Promise<string[]> {
  const { content } = await find(store, query)
  return (content as { records: Fields[] }).records.map(record => String(record.msg_id))
}

const texts = (buffers: readonly Buffer[]): string[] => buffers.map(String)

/** Three records: `a` is done by engine e1, `b` failed on e2, `c` is under way. */
function fill(store: RecordStore): void {
  const a = requestAt('a', 1, ['fa', 'xa'], { label: 'first' })
  store.submitted('a', a, 'mux', 'e1')
  store.finished(
    'a',
    a,
    'mux',
    'e1',
    applyReply('a', { status: 'ok', started: '2026-11-22T08:00:01.500Z' }),
    RECEIVED,
  )
  const b = requestAt('b', 3)
  store.submitted('b', b, 'task')
  store.assigned('b', 'e2')
  store.finished('b', b, 'task', 'e2', applyReply('b', { status: 'error' }), RECEIVED)
  store.output('b', 'stream', { name: 'stdout', text: 'hello\n' })
  store.submitted('c', requestAt('c', 2), 'task')
  store.assigned('c', 'e1')
}

export function recordStoreSuite(name: string, open: () => Promise<RecordStore>): void {
  describe(name, () => {
    const opened: RecordStore[] = []
    const start = async (): Promise<RecordStore> => {
      const store = await open()
      opened.push(store)
      return store
    }
    const filled = async (): Promise<RecordStore> => {
      const store = await start()
      fill(store)
      return store
    }
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close()
    })

    it('gives results with buffers in the order of the ids, and says what is pending (32)', async () => {
      const store = await filled()
      const question = { type: 'results', ids: ['a', 'b', 'c'], pending: ['c'], statusOnly: false } as const
      const { content, buffers } = await ask(store, question)
      expect(content).toMatchObject({ status: 'ok', pending: ['c'], completed: ['a', 'b'] })
      expect(content).not.toHaveProperty('lost')
      expect(content).toMatchObject({
        a: {
          header: { msg_id: 'a' },
          result_content: { status: 'ok' },
          received: RECEIVED,
          io: { stdout: '' },
        },
        b: { result_content: { status: 'error' }, io: { stdout: 'hello\n', execute_result: null } },
      })
      expect(texts(buffers)).toEqual(['value'])
      const { content: status, buffers: none } = await ask(store, { ...question, statusOnly: true })
      expect(status).toEqual({ status: 'ok', pending: ['c'], completed: ['a', 'b'] })
      expect(none).toEqual([])
    })

    it('refuses an id that it does not know (32)', async () => {
      const store = await filled()
      store.output('only-output', 'stream', { text: 'x' })
      for (const id of ['nosuch_1', 'only-output'])
        expect(await refusal(store, { type: 'results', ids: ['a', id], pending: [], statusOnly: true })).toBe(
          `KeyError: 'No such message: ${id}'`,
        )
    })

    it('lists its history by the time of submission (33)', async () => {
      const store = await filled()
      store.output('only-output', 'stream', { text: 'x' })
      expect((await ask(store, { type: 'history' })).content).toEqual({
        status: 'ok',
        history: ['a', 'c', 'b'],
      })
    })

    it.each<[Fields, string[]]>([
      [{}, ['a', 'b', 'c']],
      [{ msg_id: 'a' }, ['a']],
      [{ msg_id: { $eq: 'b' } }, ['b']],
      [{ msg_id: { $ne: 'b' } }, ['a', 'c']],
      [{ msg_id: { $in: ['c', 'a', 'z'] } }, ['a', 'c']],
      [{ msg_id: { $nin: ['c', 'a'] } }, ['b']],
      [{ msg_id: { $glob: '[ab]' } }, ['a', 'b']],
      [{ queue: 'task' }, ['b', 'c']],
      [{ client_uuid: 'client-1' }, ['a', 'b']],
      [{ engine_uuid: 'e1' }, ['a', 'c']],
      [{ label: 'first' }, ['a']],
      [{ submitted: { $lt: '2026-11-22T08:00:02Z' } }, ['a']],
      [{ submitted: { $lte: '2026-11-22T09:00:02.000+01:00' } }, ['a', 'c']],
      [{ submitted: { $gt: '2026-11-22T08:00:02.000Z' } }, ['b']],
      [{ submitted: { $gte: '2026-11-22T08:00:02.000000Z' } }, ['b', 'c']],
      [{ submitted: { $gt: '2026-11-22T08:00:01Z', $lt: '2026-11-22T08:00:03Z' } }, ['c']],
      [{ submitted: '2026-11-22T08:00:03Z' }, ['b']],
      [{ submitted: { $gt: 5 } }, ['a', 'b', 'c']],
      [{ submitted: { $gt: 'text' } }, []],
      [{ started: { $exists: true } }, ['a']],
      [{ completed: { $exists: false } }, ['c']],
      [{ completed: null }, ['c']],
      [{ received: RECEIVED }, ['a', 'b']],
      [{ stdout: { $ne: '' } }, ['b']],
      [{ header: { $all: [] } }, ['a', 'b', 'c']],
      [{ label: { $all: ['first'] } }, ['a']],
      [{ label: { $mod: [2, 1] } }, []],
      // Two fields: the original compares both with the last value.
      [{ queue: 'task', engine_uuid: 'e1' }, ['c']],
      [{ engine_uuid: 'e1', queue: 'mux' }, ['a']],
      [{ nowhere: null }, ['a', 'b', 'c']],
    ])('finds by %j (34)', async (query, expected) => {
      expect(await idsOf(await filled(), query)).toEqual(expected)
    })

    it('gives whole records without keys, and with keys those and the id (34)', async () => {
      const store = await filled()
      const { content } = await find(store, { msg_id: 'a' }, null)
      const whole = (content as { records: Fields[] }).records[0]!
      expect(Object.keys(whole)).toHaveLength(21)
      expect(whole).toMatchObject({
        submitted: '2026-11-22T08:00:01.000000Z',
        started: '2026-11-22T08:00:01.500Z',
        label: 'first',
        resubmitted: null,
      })
      expect(content).toMatchObject({ buffer_lens: null, result_buffer_lens: null })
      expect((await find(store, { msg_id: 'c' }, ['started'])).content).toMatchObject({
        records: [{ msg_id: 'c', started: null }],
      })
    })

    it('gives buffers of requests, of results, and of both in turn (34)', async () => {
      const store = await filled()
      const own = await find(store, {}, ['buffers'])
      expect(texts(own.buffers)).toEqual(['fa', 'xa', 'call', 'call'])
      expect(own.content).toMatchObject({ buffer_lens: [2, 1, 1], result_buffer_lens: null })
      const results = await find(store, {}, ['result_buffers'])
      expect(texts(results.buffers)).toEqual(['value'])
      expect(results.content).toMatchObject({ buffer_lens: null, result_buffer_lens: [1, 0, 0] })
      const both = await find(store, {}, ['buffers', 'result_buffers'])
      expect(texts(both.buffers)).toEqual(['fa', 'xa', 'value', 'call', 'call'])
    })

    it('refuses an operator that does not exist (34)', async () => {
      const store = await filled()
      expect(await refusal(store, { type: 'query', query: { msg_id: { $near: 1 } }, keys: null })).toBe(
        "KeyError: '$near'",
      )
    })

    it('joins output that comes before its request, and later (35)', async () => {
      const store = await start()
      store.output('o', 'stream', { name: 'stdout', text: 'one\n' })
      const early = await find(store, {}, null)
      expect((early.content as { records: Fields[] }).records).toMatchObject([
        { msg_id: 'o', header: null, submitted: null, stdout: 'one\n' },
      ])
      store.submitted('o', requestAt('o', 1), 'mux', 'e')
      await ask(store, { type: 'history' })
      store.output('o', 'stream', { name: 'stdout', text: 'two\n' })
      store.output('o', 'stream', { name: 'stderr', text: 'oops' })
      store.output('o', 'execute_input', { code: '1+1' })
      store.output('o', 'execute_result', { data: { 'text/plain': '2' } })
      store.output('o', 'display_data', {})
      const { content } = await find(store, {}, [
        'stdout',
        'stderr',
        'execute_input',
        'execute_result',
        'error',
      ])
      expect(content).toMatchObject({
        records: [
          {
            stdout: 'one\ntwo\n',
            stderr: 'oops',
            execute_input: '1+1',
            execute_result: { data: { 'text/plain': '2' } },
            error: null,
          },
        ],
      })
    })

    it('forgets by id, by engine, and all that is completed (36)', async () => {
      const store = await filled()
      await ask(store, { type: 'purge', ids: ['b'], engines: [] })
      expect(await idsOf(store, {})).toEqual(['a', 'c'])
      await ask(store, { type: 'purge', ids: [], engines: ['e1'] })
      expect(await idsOf(store, {})).toEqual(['c'])
      fill(store)
      await ask(store, { type: 'purge', ids: 'all', engines: [] })
      expect(await idsOf(store, {})).toEqual(['c'])
    })

    it('gives a request again to be resubmitted, and remembers its new name (37)', async () => {
      const store = await filled()
      const { content, again } = await ask(store, { type: 'resubmit', ids: ['a', 'c'], newIds: ['n1', 'n2'] })
      expect(content).toEqual({ status: 'ok', resubmitted: { a: 'n1', c: 'n2' } })
      expect(again.map(one => [one.newId, one.request.header.msg_id])).toEqual([
        ['n1', 'a'],
        ['n2', 'c'],
      ])
      expect(again[0]!.request.metadata).toEqual({ label: 'first' })
      expect(texts(again[0]!.request.buffers)).toEqual(['fa', 'xa'])
      expect(Buffer.isBuffer(again[0]!.request.content)).toBe(true)
      expect((await find(store, { resubmitted: 'n1' })).content).toMatchObject({ records: [{ msg_id: 'a' }] })
      expect(await refusal(store, { type: 'resubmit', ids: ['nope'], newIds: ['n3'] })).toBe(
        `KeyError: "No such msg(s): ['nope']"`,
      )
    })

    it('does not send again what it has not kept whole', async () => {
      const store = await start()
      store.submitted('large', applyRequest('large').withoutBuffers(), 'mux', 'e')
      expect(await refusal(store, { type: 'resubmit', ids: ['large'], newIds: ['n'] })).toMatch(
        'Too large to be kept',
      )
    })

    it('begins anew when a name is used again', async () => {
      const store = await filled()
      store.submitted('a', requestAt('a', 4), 'task')
      const status = { type: 'results', ids: ['a'], pending: [], statusOnly: true } as const
      expect((await ask(store, status)).content).toMatchObject({ pending: ['a'], completed: [] })
    })

    it('shows what cannot be read as if it were empty', async () => {
      const store = await start()
      const header = { msg_id: 'odd', msg_type: 'apply_request', date: 'when?' }
      const broken = withFrame(
        withFrame(applyRequest('odd'), CONTENT, '{"broken'),
        HEADER,
        JSON.stringify(header),
      )
      store.submitted('odd', broken, 'mux', 'e')
      const { content } = await find(store, {}, null)
      expect(content).toMatchObject({ records: [{ msg_id: 'odd', content: {}, submitted: 'when?' }] })
      expect((await ask(store, { type: 'history' })).content).toMatchObject({ history: ['odd'] })
    })

    it('answers every query as the records in memory do', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(happening, { maxLength: 30 }),
          fc.array(query, { maxLength: 8 }),
          async (events, queries) => {
            const store = await open()
            const memory = new MemoryStore()
            try {
              for (const [i, event] of events.entries()) {
                perform(store, event, i)
                perform(memory, event, i)
                // Some of what happens is stored together, some apart.
                if (i % 7 === 6) await ask(store, { type: 'history' })
              }
              for (const one of [
                ...queries.map(query => ({ type: 'query', query, keys: null }) as const),
                { type: 'history' } as const,
              ])
                expect(await ask(store, one)).toEqual(await ask(memory, one))
            } finally {
              await store.close()
            }
          },
        ),
        { numRuns: 60 },
      )
    })
  })
}

const IDS = ['a', 'b', 'c', 'd', 'e']
const id = fc.constantFrom(...IDS)
const happening = fc.record({
  what: fc.constantFrom('submit', 'assign', 'finish', 'print', 'purge', 'purge-engine'),
  id,
  second: fc.nat(9),
  engine: fc.constantFrom('e1', 'e2'),
  queue: fc.constantFrom('mux', 'task'),
})
type Happening = typeof happening extends fc.Arbitrary<infer Value> ? Value : never

/** As the schedulers do: only what was submitted is assigned, and ends. */
function perform(store: RecordStore, { what, id: msgId, second, engine, queue }: Happening, i: number): void {
  const request = fixed(`${msgId}-${second}`, () => requestAt(msgId, second))
  switch (what) {
    case 'submit':
      store.submitted(msgId, request, queue, queue === 'mux' ? engine : undefined)
      break
    case 'assign':
      store.submitted(msgId, request, queue)
      store.assigned(msgId, engine)
      break
    case 'finish': {
      const reply = fixed(`reply-${i}`, () => applyReply(msgId, { status: 'ok' }, String(i)))
      store.submitted(msgId, request, queue)
      store.finished(msgId, request, queue, engine, reply, RECEIVED)
      break
    }
    case 'print':
      store.output(msgId, 'stream', { name: 'stdout', text: String(second) })
      break
    case 'purge':
      void store.ask({ type: 'purge', ids: [msgId], engines: [] })
      break
    case 'purge-engine':
      void store.ask({ type: 'purge', ids: [], engines: [engine] })
      break
  }
}

const messages = new Map<string, Envelope>()

/** The same message for both stores: they carry a date. */
function fixed(name: string, make: () => Envelope): Envelope {
  let message = messages.get(name)
  if (message === undefined) {
    message = make()
    messages.set(name, message)
  }
  return message
}

const date = fc.nat(9).map(second => `2026-11-22T08:00:0${second}.000Z`)
const operand = fc.oneof(
  id,
  date,
  fc.constantFrom('e1', 'e2', 'mux', 'task', 'client-0', ''),
  fc.constant(null),
  fc.nat(3),
)
const field = fc.constantFrom(
  'msg_id',
  'queue',
  'engine_uuid',
  'client_uuid',
  'submitted',
  'completed',
  'started',
  'received',
  'stdout',
  'header',
  'nowhere',
)
const condition = fc.oneof(
  operand,
  fc.dictionary(
    fc.constantFrom('$eq', '$ne', '$lt', '$lte', '$gt', '$gte', '$exists', '$glob', '$mod'),
    operand,
    {
      minKeys: 1,
      maxKeys: 2,
    },
  ),
  fc.dictionary(fc.constantFrom('$in', '$nin', '$all'), fc.array(operand, { maxLength: 3 }), {
    minKeys: 1,
    maxKeys: 2,
  }),
)
const query = fc.dictionary(field, condition, { maxKeys: 3 })

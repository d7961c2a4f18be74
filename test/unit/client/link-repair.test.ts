import { beforeEach, describe, expect, it } from 'vitest'
import type { Millis } from '../../../src/base/clock.ts'
import { LinkRepair, type RepairHost } from '../../../src/client/link-repair.ts'
import type { RequestRecord } from '../../../src/client/request-record.ts'
import type { Route } from '../../../src/client/state/requests.ts'
import { RemoteError } from '../../../src/errors.ts'
import type { MessageType } from '../../../src/protocol/catalogue.ts'
import { DELIMITER, Envelope } from '../../../src/protocol/envelope.ts'

/** What happened, a line each. */
let heard: string[]
let waiting: Map<string, RequestRecord>
/** What the hub has of requests: their values, or undefined for those that it has in hand. */
let known: Map<string, string | undefined>
/** Of those that the hub has in hand, the ones that it has answered. */
let trailing: Set<string>
let timers: { readonly atMs: Millis; readonly wake: () => void }[]
let nowMs: Millis
let repair: LinkRepair

beforeEach(() => {
  heard = []
  waiting = new Map()
  known = new Map()
  trailing = new Set()
  timers = []
  nowMs = 0
  repair = new LinkRepair(host)
})

const host: RepairHost = {
  clock: {
    nowMs: () => nowMs,
    after: (ms, wake) => {
      timers.push({ atMs: nowMs + ms, wake })
      return () => {}
    },
  },
  waiting: () => waiting.values(),
  isWaiting: msgId => waiting.has(msgId),
  sendAgain: ({ msgId, sent }) => heard.push(`send ${msgId} ${sent?.date}`),
  answered: (msgId, reply) => {
    heard.push(`answer ${msgId} ${reply.buffers.map(String)}`)
    waiting.delete(msgId)
  },
  failed: (msgIds, reason) => {
    heard.push(`fail ${msgIds} ${reason.name}`)
    for (const msgId of msgIds) waiting.delete(msgId)
  },
  question: async (_type, content) => {
    const { msg_ids: ids } = content as { msg_ids: readonly string[] }
    heard.push(`ask ${ids}`)
    const stranger = ids.find(id => !known.has(id))
    if (stranger !== undefined) throw new RemoteError({ ename: 'KeyError', evalue: stranger, traceback: '' })
    return answerOf(
      ids.filter(id => known.get(id) !== undefined),
      ids.filter(id => trailing.has(id)),
    )
  },
}

function answerOf(completed: readonly string[], trailing: readonly string[]): Envelope {
  const buffer_lens = completed.map(() => 1)
  const parts: Record<string, unknown> = { status: 'ok', completed, trailing, buffer_lens }
  for (const id of completed) parts[id] = { header: { msg_id: id }, result_content: { status: 'ok' } }
  const frames = [{}, {}, {}, parts].map(part => Buffer.from(JSON.stringify(part)))
  const buffers = completed.map(id => Buffer.from(known.get(id)!))
  return Envelope.cut([DELIMITER, Buffer.alloc(0), ...frames, ...buffers])!
}

function submit(
  msgId: string,
  route: Route,
  type: MessageType = 'apply_request',
  sent: object = { type },
): void {
  waiting.set(msgId, { msgId, route, sent: { type, date: 'old', ...sent } } as unknown as RequestRecord)
}

/** Lets time go on. */
async function wait(ms: Millis): Promise<void> {
  const untilMs = nowMs + ms
  for (;;) {
    for (let turn = 0; turn < 50; turn++) await undefined
    const due = timers.findIndex(({ atMs }) => atMs <= untilMs)
    if (due === -1) break
    const [timer] = timers.splice(due, 1)
    nowMs = timer!.atMs
    timer!.wake()
  }
  nowMs = untilMs
}

describe('LinkRepair', () => {
  it('LinkRepair sends nothing again when a connection is there for the first time', () => {
    submit('t', 'balanced')
    expect(repair.joined('task')).toBe(false)
    expect(heard).toEqual([])
  })

  it('LinkRepair sends the same bytes again in their order, with what was made meanwhile', () => {
    submit('t1', 'balanced')
    submit('d1', 'direct')
    submit('t2', 'balanced')
    repair.lost('task')
    submit('t3', 'balanced')
    expect(repair.joined('task')).toBe(true)
    expect(heard).toEqual(['send t1 old', 'send t2 old', 'send t3 old'])
  })

  it('LinkRepair fails broadcasts that were under way, and sends one made meanwhile once for all its targets', () => {
    const message = { type: 'apply_request', date: 'old' }
    submit('a_0', 'broadcast')
    repair.lost('broadcast')
    for (const msgId of ['b_0', 'b_1']) {
      submit(msgId, 'broadcast')
      Object.assign(waiting.get(msgId)!, { sent: message })
    }
    repair.joined('broadcast')
    expect(heard).toEqual(['send b_0 old', 'fail a_0 DisconnectedError'])
  })

  it('LinkRepair asks the hub for replies that were lost, once, and not for what was made meanwhile', async () => {
    for (const msgId of ['done', 'running']) submit(msgId, 'balanced')
    known.set('done', 'value').set('running', undefined)
    repair.lost('task')
    submit('later', 'balanced')
    repair.joined('task')
    heard.length = 0
    await wait(60_000)
    expect(heard).toEqual(['ask done,running', 'answer done value'])
  })

  it('LinkRepair asks again for replies that the hub holds back until their output is there', async () => {
    for (const msgId of ['prints', 'running']) submit(msgId, 'balanced')
    known.set('prints', undefined).set('running', undefined)
    trailing.add('prints')
    repair.lost('task')
    repair.joined('task')
    heard.length = 0
    await wait(1000)
    expect(heard).toEqual(['ask prints,running', 'ask prints', 'ask prints'])
    trailing.clear()
    known.set('prints', 'value')
    await wait(60_000)
    expect(heard.slice(3)).toEqual(['ask prints', 'answer prints value'])
  })

  it('LinkRepair asks nothing about what is answered by itself', async () => {
    submit('t', 'direct')
    repair.lost('mux')
    repair.joined('mux')
    waiting.delete('t')
    await wait(60_000)
    expect(heard).toEqual(['send t old'])
  })

  it('LinkRepair asks again while the hub does not know a request, and at last fails it', async () => {
    for (const msgId of ['a', 'b', 'c']) submit(msgId, 'balanced')
    known.set('a', '1')
    repair.lost('task')
    repair.joined('task')
    await wait(1000)
    expect(waiting.has('a')).toBe(false)
    expect(heard).toContain('answer a 1')
    known.set('b', '2')
    await wait(2000)
    expect(heard).toContain('answer b 2')
    expect(waiting.has('c')).toBe(true)
    await wait(20_000)
    expect(heard.at(-1)).toBe('fail c DisconnectedError')
    expect(timers).toEqual([])
  })

  it('LinkRepair asks questions anew, and fails those that must not be asked twice', () => {
    submit('q', 'hub', 'queue_request')
    submit('r', 'hub', 'resubmit_request')
    repair.lost('registration')
    submit('p', 'hub', 'purge_request')
    repair.joined('registration')
    expect(heard).toHaveLength(3)
    expect(heard[0]).toMatch(/^send q \d{4}-/)
    expect(heard.slice(1)).toEqual(['send p old', 'fail r DisconnectedError'])
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Client } from '../../../src/client/client.ts'
import { UsageError } from '../../../src/errors.ts'
import type { Json } from '../../../src/protocol/envelope.ts'
import { packValue } from '../../../src/serialize/payload.ts'
import { FakeCluster } from './fake-cluster.ts'

let cluster: FakeCluster
let rc: Client

beforeEach(async () => {
  cluster = await FakeCluster.start(1)
  rc = await cluster.connect()
})

afterEach(async () => {
  await rc.close()
  await cluster.close()
})

/** What a hub has of a task that gave a value. */
function resultOf(msgId: string): Json {
  return {
    header: { msg_id: msgId, msg_type: 'apply_request', date: '2026-11-22T08:00:01.000000Z' },
    metadata: {},
    result_header: { msg_id: 'r', msg_type: 'apply_reply', date: '2026-11-22T08:00:03.000000Z' },
    result_metadata: {
      status: 'ok',
      engine: cluster.engines[0]!.uuid,
      started: '2026-11-22T08:00:02.000000Z',
    },
    result_content: { status: 'ok' },
    received: '2026-11-22T08:00:04.000000Z',
    io: { execute_input: null, execute_result: null, error: null, stdout: 'out', stderr: '' },
  }
}

describe('Client.getResult', () => {
  it('asks a hub again that answers at once, and for one after the other where it mixes their buffers', async () => {
    const asked: string[][] = []
    cluster.answerHub = (type, content) => {
      if (type !== 'result_request') return undefined
      const ids = content.msg_ids as string[]
      asked.push(ids)
      if (asked.length < 3) return { content: { status: 'ok', pending: ids, completed: [] } }
      const results = Object.fromEntries(ids.map(id => [id, resultOf(id)]))
      return {
        content: { status: 'ok', pending: [], completed: ids, ...results },
        buffers: ids.flatMap(id => packValue(`value of ${id}`)),
      }
    }
    const result = rc.getResult(['a', 'b'])
    expect(result.ready()).toBe(false)
    expect(await result).toEqual(['value of a', 'value of b'])
    expect(asked).toEqual([['a', 'b'], ['a', 'b'], ['a', 'b'], ['a'], ['b']])
    expect(result.stdout).toEqual(['out', 'out'])
    const [first] = result.metadata
    expect(first).toMatchObject({ engineId: 0, status: 'ok' })
    expect(['submitted', 'started', 'completed', 'received'].map(name => first![name as 'received'])).toEqual(
      [1, 2, 3, 4].map(second => new Date(Date.UTC(2026, 10, 22, 8, 0, second))),
    )
  })

  it('says that a value was too large to be kept', async () => {
    cluster.answerHub = () => ({
      content: { status: 'ok', pending: [], completed: ['a'], buffer_lens: [0], a: resultOf('a') },
    })
    const result = rc.getResult('a')
    await expect(result).rejects.toThrow('has not kept the value of task a')
    await expect(result).rejects.toThrow(UsageError)
  })
})

describe('Client.dbQuery', () => {
  it('speaks of fields and dates as JavaScript does', async () => {
    let asked: Json = {}
    cluster.answerHub = (_type, content) => {
      asked = content
      const records = [{ msg_id: 'a', started: '2026-11-22T08:00:02.000000Z', result_content: null }]
      return {
        content: { status: 'ok', records, buffer_lens: [1], result_buffer_lens: [1] },
        buffers: [Buffer.from('call'), ...packValue(7)],
      }
    }
    const since = new Date(Date.UTC(2026, 10, 22))
    const [record] = await rc.dbQuery({ resultHeader: null, started: { $gte: since } }, [
      'started',
      'resultContent',
      'buffers',
      'resultBuffers',
    ])
    expect(asked).toEqual({
      query: { result_header: null, started: { $gte: '2026-11-22T00:00:00.000Z' } },
      keys: ['started', 'result_content', 'buffers', 'result_buffers'],
    })
    expect(record).toMatchObject({
      msgId: 'a',
      started: new Date(Date.UTC(2026, 10, 22, 8, 0, 2)),
      resultContent: null,
    })
    expect(record!.buffers.map(String)).toEqual(['call'])
    expect(await record!.resultBuffers.value()).toBe(7)
  })
})

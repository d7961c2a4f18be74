import { describe, expect, it } from 'vitest'
import { separateReplies } from '../../../src/client/coalesced-reply.ts'
import type { Envelope, Json } from '../../../src/protocol/envelope.ts'
import { Session } from '../../../src/protocol/session.ts'
import { nodeRealm, packValue, unpackValue } from '../../../src/serialize/payload.ts'

const session = new Session({ key: '' })
const targets = [
  ['b', 1],
  ['a', 0],
]

function coalesced(metadata: Json, values: readonly unknown[], content: object = { status: 'ok' }): Envelope {
  const buffers = values.flatMap(value => packValue(value))
  return session.open(session.pack({ type: 'apply_reply', content, metadata, buffers })) as Envelope
}

const separate = (reply: Envelope) => separateReplies(reply, reply.metadata)!

describe('separateReplies', () => {
  it('gives each target its value, whatever the number of its buffers, and what it said itself', () => {
    const replies = [
      { engine: 'b', run_ms: 1, date: '2026-01-01T00:00:00.000Z' },
      { engine: 'a', run_ms: 2, date: '2026-01-01T00:00:01.000Z' },
    ]
    const metadata = { original_msg_id: 'm', broadcast_targets: targets, replies }
    const [first, second] = separate(coalesced(metadata, [new Float64Array(1000), 'a']))
    expect([first!.msgId, second!.msgId]).toEqual(['m_b', 'm_a'])
    expect(unpackValue(first!.reply.buffers, nodeRealm)).toEqual(new Float64Array(1000))
    expect(unpackValue(second!.reply.buffers, nodeRealm)).toBe('a')
    expect(second!.reply.metadata).toMatchObject({ engine: 'a', run_ms: 2 })
    expect(second!.reply.header.date).toBe('2026-01-01T00:00:01.000Z')
  })

  it('takes the metadata of the last reply for all where a stock controller says no more', () => {
    const metadata = { original_msg_id: 'm', broadcast_targets: targets, engine: 'a', outputs: 3 }
    const [first, second] = separate(coalesced(metadata, [1, 2]))
    expect(first!.reply.metadata).toMatchObject({ engine: 'b' })
    expect(first!.reply.metadata).not.toHaveProperty('outputs')
    expect(second!.reply.metadata).toMatchObject({ engine: 'a', outputs: 3 })
  })

  it('gives an error to all of them, and what does not add up to be found out', () => {
    const metadata = { original_msg_id: 'm', broadcast_targets: targets }
    const failed = separate(coalesced(metadata, [], { status: 'error', ename: 'E' }))
    expect(failed.map(({ reply }) => reply.content.ename)).toEqual(['E', 'E'])
    const [short] = separate(coalesced(metadata, [1]))
    expect(short!.msgId).toBe('m_b')
    expect(separateReplies(coalesced({}, [1]), {})).toBeUndefined()
  })
})

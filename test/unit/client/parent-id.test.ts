import { describe, expect, it } from 'vitest'
import { parentMessageId } from '../../../src/client/parent-id.ts'
import { Session } from '../../../src/protocol/session.ts'

describe('parentMessageId', () => {
  it('parentMessageId reads a header of our own making', () => {
    const session = new Session({ key: '' })
    const [, , header] = session.pack({ type: 'apply_request', msgId: 'abc_1' })
    expect(parentMessageId(header!)).toBe('abc_1')
  })

  it.each([
    ['{"msg_id": "x", "msg_type": "apply_request"}', 'x'],
    ['{"date":"","msg_id":"y"}', 'y'],
    ['{}', undefined],
    ['null', undefined],
    ['{"msg_id":7}', undefined],
    [`{"msg_id":"${'z'.repeat(200)}"}`, 'z'.repeat(200)],
  ])('parentMessageId reads %s', (text, expected) => {
    expect(parentMessageId(Buffer.from(text))).toBe(expected)
  })
})

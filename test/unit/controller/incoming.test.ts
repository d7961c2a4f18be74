import { expect, it } from 'vitest'
import { RateLimitedWarnings, silentLogger } from '../../../src/base/log.ts'
import { peekMessage, takeMessage } from '../../../src/controller/incoming.ts'
import { Session } from '../../../src/protocol/session.ts'
import type { Frame } from '../../../src/transport/socket.ts'

function intake() {
  const warnings = new RateLimitedWarnings(silentLogger, () => 0)
  return { session: new Session({ key: 'key' }), log: silentLogger, warnings }
}

const PREFIX = [Buffer.from('client'), Buffer.from('engine')]
const signed = (key = 'key'): Frame[] => [
  ...PREFIX,
  ...new Session({ key }).pack({ type: 'apply_request', buffers: [Buffer.from('first')] }),
]

it('peekMessage shows a genuine head as often as it is asked, and takes nothing from the message itself', () => {
  const at = intake()
  const head = signed()
  const seen: string[] = []
  for (let i = 0; i < 2; i++) peekMessage(at, head, 2, envelope => seen.push(envelope.header.msg_type))
  takeMessage(at, 'mux', [...head, Buffer.from('last')], 2, envelope => seen.push(envelope.header.msg_type))
  expect(seen).toEqual(['apply_request', 'apply_request', 'apply_request'])
  // Now it is a replay.
  peekMessage(at, head, 2, () => seen.push('again'))
  expect(seen).toHaveLength(3)
})

it('peekMessage shows nothing that is forged, unsigned, cut off or without its address', () => {
  const at = intake()
  const wrong: Frame[][] = [signed('another'), signed().slice(0, 6), signed().slice(1), []]
  const flipped = signed()
  flipped[5] = Buffer.from('{"changed":1}')
  const unsigned = signed()
  unsigned[3] = Buffer.alloc(0)
  for (const head of [...wrong, flipped, unsigned])
    peekMessage(at, head, 2, () => expect.unreachable('it was shown'))
})

it('peekMessage lets nothing out that cannot be read', () => {
  const at = intake()
  const { session } = at
  const head = [...PREFIX, ...session.packParts({ no: 'id' }, {}, {}, Buffer.from('{}'))]
  peekMessage(at, head, 2, envelope => void envelope.header)
})

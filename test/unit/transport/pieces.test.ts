import { describe, expect, it } from 'vitest'
import { Envelope } from '../../../src/protocol/envelope.ts'
import { Session } from '../../../src/protocol/session.ts'
import {
  frameBytes,
  frameOf,
  joinedFrame,
  morePieces,
  PIECES_BYTES_MIN,
} from '../../../src/transport/pieces.ts'
import type { Frame } from '../../../src/transport/socket.ts'
import { FrameDecoder } from '../../../src/transport/state/frame-decoder.ts'
import { encoded, LIMITS } from '../../common/transport-wire.ts'

/** What a relay gets of `stream`, which comes `step` bytes at a time. */
function relayed(stream: Buffer, step: number): Frame[][] {
  const messages: Frame[][] = []
  const sink = { message: (message: Frame[]) => void messages.push(message), command: () => undefined }
  const limits = { ...LIMITS, frameBytesMax: 2 ** 32, messageBytesMax: 2 ** 32 }
  const decoder = new FrameDecoder(limits, sink, true)
  decoder.commandsOnly = false
  for (let at = 0; at < stream.length; at += step) {
    expect(decoder.decode(stream.subarray(at, at + step))).toBeUndefined()
  }
  return messages
}

function patterned(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 7919) >> 5
  return bytes
}

describe('frames in pieces', () => {
  it('are views of what was read, and are sent on as the same bytes', () => {
    const stream = encoded([
      Buffer.from('a'),
      patterned(1_000_000),
      Buffer.from('z'),
      patterned(PIECES_BYTES_MIN),
    ])
    for (const step of [999, 65_536, 300_000, 2_000_000]) {
      const [message] = relayed(stream, step)
      expect(message!.map(frameBytes)).toEqual([1, 1_000_000, 1, PIECES_BYTES_MIN])
      for (const piece of [message![1]!, ...(message![1]![morePieces] ?? [])])
        expect(piece.buffer).toBe(stream.buffer)
      expect(encoded(message!).equals(stream)).toBe(true)
    }
  })

  it('are joined where they are read: the signed parts of a message', () => {
    const sender = new Session({ key: 'k' })
    const code = 'x'.repeat(1_000_000)
    const sent = sender.pack({ type: 'execute_request', content: { code }, buffers: [patterned(500_000)] })
    const [received] = relayed(encoded(sent), 65_536)
    expect(received![5]![morePieces]).toBeDefined()
    const envelope = new Session({ key: 'k' }).open(received!)
    if (!(envelope instanceof Envelope)) throw new Error(envelope)
    expect(envelope.content.code).toBe(code)
    expect(joinedFrame(envelope.buffers[0]!).equals(patterned(500_000))).toBe(true)
    expect(encoded(envelope.frames).equals(encoded(sent))).toBe(true)
  })

  it('are ordinary frames when there is but one piece', () => {
    const whole = Buffer.from('whole')
    expect(frameOf([whole])).toBe(whole)
    expect(joinedFrame(whole)).toBe(whole)
    expect(frameBytes(frameOf([Buffer.from('ab'), Buffer.from('c')]))).toBe(3)
  })
})

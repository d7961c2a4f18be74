import { expect, it } from 'vitest'
import type { Frame } from '../../../../src/transport/socket.ts'
import { FrameDecoder } from '../../../../src/transport/state/frame-decoder.ts'
import { frames, texts } from '../../../common/transport-tools.ts'
import { encoded, LIMITS } from '../../../common/transport-wire.ts'

function decoder(frameBytesMax = 2 ** 32) {
  const messages: Frame[][] = []
  const limits = { ...LIMITS, frameBytesMax, messageBytesMax: frameBytesMax }
  const machine = new FrameDecoder(limits, {
    message: message => void messages.push(message),
    command: () => undefined,
  })
  machine.commandsOnly = false
  return { machine, messages }
}

it('FrameDecoder delivers views of the chunk, not copies', () => {
  const { machine, messages } = decoder()
  const chunk = encoded(frames('abc', 'x'.repeat(1000)))
  machine.decode(chunk)
  for (const frame of messages[0]!) expect(frame.buffer).toBe(chunk.buffer)
})

it('FrameDecoder knows whether it is inside a message', () => {
  const { machine } = decoder()
  expect(machine.inMessage).toBe(false)
  for (const [bytes, inside] of [
    [[1], true],
    [[0], true],
    [[2], true],
    [[0, 0, 0, 0, 0, 0, 0], true],
    [[1], true],
    [[7], false],
  ] as const) {
    machine.decode(Buffer.from(bytes))
    expect(machine.inMessage).toBe(inside)
  }
})

it('FrameDecoder sets aside little for a frame of which little has come', () => {
  const header = Buffer.from([2, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])
  const before = process.memoryUsage().arrayBuffers
  const all = Array.from({ length: 20 }, () => {
    const { machine } = decoder()
    machine.decode(header)
    machine.decode(Buffer.alloc(1000))
    return machine
  })
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 100_000)
  expect(all).toHaveLength(20)
})

it('FrameDecoder puts a frame of several MB together from chunks of any size', () => {
  const body = Buffer.alloc(3_000_000)
  for (let i = 0; i < body.length; i++) body[i] = (i * 7919) >> 5
  const stream = encoded([Buffer.from('a'), body, Buffer.from('z')])
  for (const step of [1000, 65_536, 99_999, 1_000_000]) {
    const { machine, messages } = decoder()
    for (let at = 0; at < stream.length; at += step) machine.decode(stream.subarray(at, at + step))
    expect(messages[0]![1]!.equals(body)).toBe(true)
  }
})

it('FrameDecoder stops at what its sink calls a violation', () => {
  const seen: string[][] = []
  const machine = new FrameDecoder(LIMITS, {
    message: message => {
      seen.push(texts(message))
      return seen.length === 2 ? 'enough' : undefined
    },
    command: () => undefined,
  })
  machine.commandsOnly = false
  expect(machine.decode(encoded(frames('a'), frames('b'), frames('c')))).toBe('enough')
  expect(seen).toEqual([['a'], ['b']])
})

it('FrameDecoder refuses messages while it expects commands only', () => {
  const { machine } = decoder()
  machine.commandsOnly = true
  expect(machine.decode(Buffer.from([1, 0]))).toBe('a message before READY')
})

it('FrameDecoder lets its reader write straight into a large frame', () => {
  const body = Buffer.alloc(2_000_000)
  for (let i = 0; i < body.length; i++) body[i] = (i * 7919) >> 5
  const stream = encoded([Buffer.from('a'), body, Buffer.from('z')], frames('next'))
  const { machine, messages } = decoder()
  let direct = 0
  for (let at = 0; at < stream.length; ) {
    const hole = machine.hole
    if (hole === undefined) {
      const chunk = stream.subarray(at, at + 50_000)
      machine.decode(Buffer.from(chunk))
      at += chunk.length
    } else {
      const count = stream.copy(hole, 0, at, at + Math.min(hole.length, 70_001))
      expect(machine.filled(count)).toBeUndefined()
      direct += count
      at += count
    }
  }
  expect(messages.map(message => message.map(frame => frame.length))).toEqual([[1, 2_000_000, 1], [4]])
  expect(messages[0]![1]!.equals(body)).toBe(true)
  expect(direct).toBeGreaterThan(1_800_000)
})

it('FrameDecoder offers no hole between frames, in small ones, and in headers', () => {
  const { machine } = decoder()
  expect(machine.hole).toBeUndefined()
  machine.decode(Buffer.from([0, 5, 1]))
  expect(machine.hole).toBeUndefined()
  machine.decode(Buffer.from([1, 1, 1, 1, 2, 0, 0]))
  expect(machine.hole).toBeUndefined()
})

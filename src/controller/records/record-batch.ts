/**
 * A batch of changes to records, as it goes to the database's thread: every frame copied into one block of memory that
 * is handed over, so that nothing of the message path is kept alive or cloned frame by frame.
 */

import type { Envelope } from '../../protocol/envelope.ts'
import { frameBytes, joinedFrame } from '../../transport/pieces.ts'
import type { Frame, Message } from '../../transport/socket.ts'
import type { QueueName, RecordOutput } from '../state/record-entry.ts'

/** What has become of one record since the last batch. */
export interface RecordChange {
  readonly msgId: string
  /** Given: a new life of this name. Without its buffers where they are too large. */
  request: Envelope | undefined
  queue: QueueName | undefined
  engine: string | undefined
  reply: Envelope | undefined
  received: string | undefined
  /** What came since the last batch. */
  output: RecordOutput | undefined
}

/** One message of a batch, as views of its block. */
export interface PackedMessage {
  readonly header: Uint8Array
  readonly metadata: Uint8Array
  readonly content: Uint8Array
  readonly buffers: readonly Uint8Array[]
  readonly isCutShort: boolean
}

export interface PackedChange
  extends Pick<RecordChange, 'msgId' | 'queue' | 'engine' | 'received' | 'output'> {
  readonly request: PackedMessage | undefined
  readonly reply: PackedMessage | undefined
}

/** Lengths of the frames that follow one another in `block`, and the rest in the order of the changes. */
export interface RecordBatch {
  readonly block: ArrayBuffer
  /** For each change: its request's numbers, then its reply's; for each: -1, or cut short (0, 1), how many frames, their lengths. */
  readonly numbers: readonly number[]
  readonly texts: readonly (string | undefined)[]
  readonly outputs: readonly (RecordOutput | undefined)[]
}

const TEXTS = 4
const JSON_FRAMES = 3

export function packBatch(changes: Iterable<RecordChange>): RecordBatch {
  const frames: Frame[] = []
  const numbers: number[] = []
  const texts: (string | undefined)[] = []
  const outputs: (RecordOutput | undefined)[] = []
  let bytes = 0
  const add = (message: Envelope | undefined): void => {
    if (message === undefined) {
      numbers.push(-1)
      return
    }
    const { buffers } = message
    numbers.push(message.isCutShort ? 1 : 0, JSON_FRAMES + buffers.length)
    for (const frame of [message.headerFrame, message.metadataFrame, message.contentFrame, ...buffers]) {
      const length = frameBytes(frame)
      numbers.push(length)
      frames.push(frame)
      bytes += length
    }
  }
  for (const change of changes) {
    texts.push(change.msgId, change.queue, change.engine, change.received)
    outputs.push(change.output)
    add(change.request)
    add(change.reply)
  }
  return { block: joined(frames, bytes), numbers, texts, outputs }
}

function joined(frames: readonly Frame[], bytes: number): ArrayBuffer {
  const block = new Uint8Array(bytes)
  let at = 0
  for (const frame of frames) {
    const whole = joinedFrame(frame)
    block.set(whole, at)
    at += whole.length
  }
  return block.buffer
}

export function* unpackBatch(batch: RecordBatch): Generator<PackedChange> {
  const { block, numbers, texts, outputs } = batch
  let number = 0
  let at = 0
  const message = (): PackedMessage | undefined => {
    const isCutShort = numbers[number++]!
    if (isCutShort === -1) return undefined
    const count = numbers[number++]!
    const frames = Array.from({ length: count }, () => {
      const frame = new Uint8Array(block, at, numbers[number]!)
      at += numbers[number++]!
      return frame
    })
    const [header, metadata, content, ...buffers] = frames
    return { header: header!, metadata: metadata!, content: content!, buffers, isCutShort: isCutShort === 1 }
  }
  for (let i = 0; i < outputs.length; i++) {
    const [msgId, queue, engine, received] = texts.slice(i * TEXTS, (i + 1) * TEXTS)
    const request = message()
    const reply = message()
    yield {
      msgId: msgId!,
      queue: queue as QueueName | undefined,
      engine,
      received,
      output: outputs[i],
      request,
      reply,
    }
  }
}

/** Buffers as one value of a database: how many, their lengths, then their bytes. */
export function packBuffers(buffers: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(4 + 8 * buffers.length)
  head.writeUInt32LE(buffers.length, 0)
  buffers.forEach((buffer, i) => {
    head.writeBigUInt64LE(BigInt(buffer.length), 4 + 8 * i)
  })
  return Buffer.concat([head, ...buffers])
}

export function unpackBuffers(packed: Buffer | null): Message {
  if (packed === null) return []
  const count = packed.readUInt32LE(0)
  let at = 4 + 8 * count
  return Array.from({ length: count }, (_, i) => {
    const length = Number(packed.readBigUInt64LE(4 + 8 * i))
    at += length
    return packed.subarray(at - length, at)
  })
}

import { RemoteProtocolError } from '../errors.ts'
import { nodeRealm, packValue, unpackValue } from '../serialize/payload.ts'

const COUNT_BYTES = 4
const LENGTH_BYTES = 8

/**
 * Any value as one piece of bytes: number of frames, length of each, and the frames.
 *
 * @throws SerializationError naming the path to what cannot travel.
 */
export function valueToBytes(value: unknown): Uint8Array {
  const frames = packValue(value)
  const head = COUNT_BYTES + LENGTH_BYTES * frames.length
  const bytes = Buffer.allocUnsafe(frames.reduce((sum, frame) => sum + frame.length, head))
  bytes.writeUInt32LE(frames.length, 0)
  let at = head
  for (const [index, frame] of frames.entries()) {
    bytes.writeDoubleLE(frame.length, COUNT_BYTES + LENGTH_BYTES * index)
    at += frame.copy(bytes, at)
  }
  return bytes
}

/**
 * The value back.
 *
 * @throws RemoteProtocolError when the bytes are no value: they were sent by a method for buffers.
 */
export function bytesToValue(bytes: Buffer): unknown {
  const value = unpackValue(cut(bytes), nodeRealm)
  // Only values with functions from modules need time, and MPI's methods have none to give.
  if (value instanceof Promise)
    throw new RemoteProtocolError('functions that import modules cannot be received by MPI: send their data')
  return value
}

function cut(bytes: Buffer): Buffer[] {
  const count = bytes.length < COUNT_BYTES ? 0 : bytes.readUInt32LE(0)
  let at = COUNT_BYTES + LENGTH_BYTES * count
  if (count === 0 || at > bytes.length) throw noValue()
  const frames: Buffer[] = []
  for (let index = 0; index < count; index++) {
    const length = bytes.readDoubleLE(COUNT_BYTES + LENGTH_BYTES * index)
    if (!(length >= 0 && at + length <= bytes.length)) throw noValue()
    frames.push(bytes.subarray(at, at + length))
    at += length
  }
  return frames
}

function noValue(): RemoteProtocolError {
  return new RemoteProtocolError(
    'what came is no value: methods with a capital first letter (Send, Bcast) belong together, and those with a small one (send, bcast)',
  )
}

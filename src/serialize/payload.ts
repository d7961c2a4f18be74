/**
 * Values, calls and errors as the buffers of a message, and back.
 *
 * A payload is one frame that tells what it is and how many frames follow, then large array buffers and function
 * definitions by reference. It never begins with 0x80, which is how a Python pickle begins.
 *
 * ```
 * head    0x49 · kind · number of frames that follow (0xff: as a double at the end) · flags · body
 * frames  [list of modules, their bundles (module-list.ts)] · definitions and array buffers in the order in which the body meets them
 * flags   1: the first frame lists modules · 2: parts are withheld (withheld.ts)
 * ```
 */

import { ParallelError, RemoteProtocolError, SerializationError } from '../errors.ts'
import type { Frame, Message } from '../transport/socket.ts'
import { ByteReader, malformed } from './byte-reader.ts'
import { type AnyFunction, type Callee, Operation, Reference } from './callee.ts'
import { Decoder } from './decoder.ts'
import { Encoder, HEAD_BYTES, MANY_FRAMES } from './encoder.ts'
import { loadModules } from './loaded-modules.ts'
import { readModuleList } from './module-list.ts'
import type { Realm } from './realm.ts'
import { Kind, MAGIC } from './tags.ts'
import { isWithholding, makeWhole } from './withheld.ts'

export { type AnyFunction, type Callee, Operation, Reference } from './callee.ts'
export { sentEarlier } from './captured-parts.ts'
export { type PackedError, packError, type UnpackedError, unpackError } from './error-payload.ts'
export { type ModuleBundles, nodeRealm, type Realm, type SourcePosition } from './realm.ts'
export { SENT_ONCE_BYTES_MAX, type SentOnce } from './sent-once.ts'
export {
  type BundledModule,
  isVersioned,
  parseBundle,
  withoutVersion,
  withoutVersions,
} from './user-modules.ts'
export { isGenuine, type WithheldParts, withheldFrom } from './withheld.ts'

/** Given at once where that is possible. */
export type MaybePromise<T> = T | Promise<T>

/** A request as an engine runs it: `callee(...args)`. */
export interface Call {
  readonly callee: AnyFunction
  readonly args: unknown[]
  /** Set when the callee is one of the realm's operations. */
  readonly operation?: string
}

/** Reading a getter may pack something itself: then a second encoder is needed. */
const idle: Encoder[] = [new Encoder()]

function pack(kind: (typeof Kind)[keyof typeof Kind], write: (encoder: Encoder) => void): Frame[] {
  const encoder = idle.pop() ?? new Encoder()
  try {
    encoder.begin(kind)
    write(encoder)
    return encoder.finish()
  } catch (error) {
    if (error instanceof RangeError) throw encoder.path.refuseDeep(error)
    throw error
  } finally {
    encoder.reset()
    idle.push(encoder)
  }
}

/**
 * Buffers of an `apply_request`.
 *
 * @throws SerializationError naming the path to what cannot travel.
 */
export function packCall(callee: Callee, args: readonly unknown[]): Frame[] {
  if (callee instanceof Operation)
    return pack(Kind.operationCall, encoder => {
      encoder.path.enter(callee.name)
      encoder.text(callee.name)
      writeArguments(encoder, args, callee.name !== 'push')
    })
  if (callee instanceof Reference)
    return pack(Kind.referenceCall, encoder => {
      encoder.path.enter(callee.name)
      encoder.text(callee.name)
      writeArguments(encoder, args, true)
    })
  if (typeof callee !== 'function')
    throw new SerializationError(`what is applied must be a function or a Reference, not ${typeof callee}`)
  return pack(Kind.functionCall, encoder => {
    encoder.path.enter(typeof callee.name === 'string' && callee.name !== '' ? callee.name : 'function')
    encoder.value(callee)
    writeArguments(encoder, args, true)
  })
}

function writeArguments(encoder: Encoder, args: readonly unknown[], numbered: boolean): void {
  encoder.out.count(args.length)
  for (let i = 0; i < args.length; i++) {
    if (numbered) encoder.path.enterArgument(i)
    encoder.value(args[i])
    if (numbered) encoder.path.leave()
  }
}

/**
 * What to call, on an engine. Gives a promise only when a module must be imported first.
 *
 * @throws RemoteProtocolError when the bytes are no call of ours.
 * @throws ReferenceError when a Reference names nothing.
 */
export function unpackCall(frames: Message, realm: Realm): MaybePromise<Call> {
  if (!isWithholding(frames)) return unpackWholeCall(frames, realm)
  const whole = makeWhole(frames, realm.withheldParts)
  return whole instanceof Promise
    ? whole.then(each => unpackWholeCall(each, realm))
    : unpackWholeCall(whole, realm)
}

function unpackWholeCall(frames: Message, realm: Realm): MaybePromise<Call> {
  return unpack(frames, realm, (decoder, kind) => {
    if (kind === Kind.functionCall) {
      const callee = decoder.value()
      if (typeof callee !== 'function') throw malformed('what it calls is no function')
      return { callee: callee as AnyFunction, args: readArguments(decoder) }
    }
    if (kind !== Kind.operationCall && kind !== Kind.referenceCall) throw malformed('it is no call')
    const name = decoder.text()
    if (kind === Kind.operationCall) {
      const callee = realm.operations?.get(name)
      if (callee === undefined)
        throw malformed(`there is no operation called ${JSON.stringify(name.slice(0, 80))} here`)
      return { callee, args: readArguments(decoder), operation: name }
    }
    const callee = realm.lookup(name)
    if (typeof callee !== 'function') throw new TypeError(`${name} is not a function`)
    return { callee: callee as AnyFunction, args: readArguments(decoder) }
  })
}

function readArguments(decoder: Decoder): unknown[] {
  const count = decoder.reader.countOf(1)
  const args: unknown[] = []
  for (let i = 0; i < count; i++) args.push(decoder.value())
  return args
}

/**
 * Buffers of an `apply_reply`.
 *
 * @param name - the root of the path in a SerializationError.
 * @throws SerializationError naming the path to what cannot travel.
 */
export function packValue(value: unknown, name = 'value'): Frame[] {
  return pack(Kind.value, encoder => {
    encoder.path.enter(name)
    encoder.value(value)
  })
}

/**
 * The value back. Gives a promise only when it holds functions whose modules must be imported first. A value is never
 * a Promise itself, but it may well have a method called `then`: tell the two apart by `instanceof Promise`.
 *
 * @throws RemoteProtocolError when the bytes are no value of ours.
 */
export function unpackValue(frames: Message, realm: Realm): MaybePromise<unknown> {
  return unpack(frames, realm, (decoder, kind) => {
    if (kind !== Kind.value) throw malformed('it is no value')
    return decoder.value()
  })
}

function unpack<T>(
  frames: Message,
  realm: Realm,
  read: (decoder: Decoder, kind: number) => T,
): MaybePromise<T> {
  const head = frames[0]
  if (head === undefined || head.length < 2 + HEAD_BYTES || head[0] !== MAGIC)
    throw malformed('it is not one of ours')
  const many = head[2] === MANY_FRAMES
  const announced = frameCountOf(head)
  if (announced !== frames.length - 1) throw malformed('it has another number of frames than it announces')
  if (head[3]! > 1) throw malformed('it has flags of an unknown meaning')
  const modules = head[3] === 1 ? readModuleList(frames) : undefined
  for (const { address, bytes } of modules?.bundles ?? []) realm.bundles?.add(address, bytes)
  const decode = (): T => {
    try {
      const reader = new ByteReader(many ? head.subarray(0, -8) : head, 2 + HEAD_BYTES)
      const decoder = new Decoder(reader, frames, realm, modules)
      const value = read(decoder, head[1]!)
      decoder.end()
      return value
    } catch (error) {
      // Nested deeper than the stack: only what was made to do that is.
      if (error instanceof RangeError && !(error instanceof ParallelError))
        throw malformed(error.message, error)
      throw error
    }
  }
  const loading = modules === undefined ? undefined : loadModules(realm, modules.imports)
  return loading === undefined ? decode() : loading.then(decode)
}

function frameCountOf(head: Frame): number {
  const count = head[2] as number
  if (count !== MANY_FRAMES) return count
  if (head.length < 2 + HEAD_BYTES + 8) throw malformed('it ends in the middle of a value')
  return head.readDoubleLE(head.length - 8)
}

/**
 * Cuts the buffers of a coalesced reply into the payloads of its parts.
 *
 * @throws RemoteProtocolError when they do not add up.
 */
export function splitPayloads(frames: Message): Message[] {
  const payloads: Message[] = []
  for (let at = 0; at < frames.length; ) {
    const head = frames[at] as Frame
    if (head.length < 2 + HEAD_BYTES || head[0] !== MAGIC) throw malformed('it is not one of ours')
    const end = at + 1 + frameCountOf(head)
    if (!(end > at && end <= frames.length)) throw new RemoteProtocolError('a coalesced reply lacks frames')
    payloads.push(frames.slice(at, end))
    at = end
  }
  return payloads
}

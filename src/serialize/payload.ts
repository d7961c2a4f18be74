/**
 * Values, calls and errors as the buffers of a message, and back.
 *
 * A payload is one frame that tells what it is and how many frames belong to it, then large array buffers and function
 * definitions by reference. It never begins with 0x80, which is how a Python pickle begins.
 */

import v8 from 'node:v8'
import { RemoteProtocolError, SerializationError } from '../errors.ts'
import type { ErrorContent } from '../protocol/catalogue.ts'
import type { Frame, Message } from '../transport/socket.ts'
import type { AnyFunction, Callee } from './callee.ts'
import { Operation, Reference } from './callee.ts'
import type { Realm } from './realm.ts'

export { type AnyFunction, type Callee, Operation, Reference } from './callee.ts'
export { nodeRealm, type Realm, type SourcePosition } from './realm.ts'

/** Given at once where that is possible. */
export type MaybePromise<T> = T | Promise<T>

/** A request as an engine runs it: `callee(...args)`. */
export interface Call {
  readonly callee: AnyFunction
  readonly args: unknown[]
  /** Set when the callee is one of the realm's operations. */
  readonly operation?: string
}

/** What an error reply says, and the buffers that carry its cause, code and properties. */
export interface PackedError {
  readonly ename: string
  readonly evalue: string
  readonly traceback: string[]
  readonly frames: Frame[]
}

/** An error reply as read: the fields of a RemoteError, and the error itself where it travelled. */
export interface UnpackedError {
  readonly ename: string
  readonly evalue: string
  readonly traceback: string
  /** The original error's cause. */
  readonly cause?: unknown
  /** The thrown value, rebuilt: with its code, properties, and the parts of an AggregateError. */
  readonly original?: unknown
}

/** Buffers of an `apply_request`. @throws SerializationError naming the path to what cannot travel. */
export function packCall(callee: Callee, args: readonly unknown[]): Frame[] {
  let what: [string, string]
  if (callee instanceof Operation) what = ['operation', callee.name]
  else if (callee instanceof Reference) what = ['reference', callee.name]
  else what = ['function', String(callee)]
  return packValue([...what, mark(args)])
}

/** What to call, on an engine. Gives a promise only when a module must be imported first. */
export function unpackCall(frames: Message, realm: Realm): MaybePromise<Call> {
  const [kind, text, rawArgs] = unpackValue(frames, realm) as [string, string, unknown[]]
  const args = rawArgs.map(arg => unmark(arg, realm))
  if (kind === 'operation') {
    const callee = realm.operations?.get(text)
    if (callee === undefined) throw new RemoteProtocolError(`this engine has no operation called ${text}`)
    return { callee, args, operation: text }
  }
  const callee = kind === 'reference' ? realm.lookup(text) : realm.evaluate(`(${text})`)
  return { callee: callee as AnyFunction, args }
}

/** Buffers of an `apply_reply`. `name` is the root of the path in a SerializationError. */
export function packValue(value: unknown, name = 'value'): Frame[] {
  try {
    return [Buffer.concat([Buffer.from([0x49]), v8.serialize(mark(value))])]
  } catch (cause) {
    throw new SerializationError(`${name} cannot travel: ${(cause as Error).message}`, {
      path: [name],
      cause,
    })
  }
}

/** The value back. Gives a promise only when it holds functions whose modules must be imported first. */
export function unpackValue(frames: Message, realm: Realm): MaybePromise<unknown> {
  const head = frames[0]
  if (head === undefined || head[0] !== 0x49) throw new RemoteProtocolError('this is not a payload of ours')
  return unmark(v8.deserialize(head.subarray(1)), realm)
}

/** An error as the content of an error reply, with its buffers. Never throws. */
export function packError(error: unknown): PackedError {
  const isError = error instanceof Error
  return {
    ename: isError ? error.name : 'Error',
    evalue: isError ? error.message : String(error),
    traceback: isError ? (error.stack ?? '').split('\n') : [],
    frames: [],
  }
}

/** What an error reply says. Never throws for what a peer sent. */
export function unpackError(content: Omit<ErrorContent, 'status'>, _frames: Message = []): UnpackedError {
  return { ename: content.ename, evalue: content.evalue, traceback: content.traceback.join('\n') }
}

function mark(value: unknown): unknown {
  if (typeof value === 'function') return { $function: String(value) }
  if (value instanceof Reference) return { $reference: value.name }
  return Array.isArray(value) ? value.map(mark) : value
}

function unmark(value: unknown, realm: Realm): unknown {
  if (Array.isArray(value)) return value.map(item => unmark(item, realm))
  if (typeof value !== 'object' || value === null) return value
  if ('$function' in value) return realm.evaluate(`(${String(value.$function)})`)
  if ('$reference' in value) return realm.lookup(String(value.$reference))
  return value
}

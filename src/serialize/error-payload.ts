/** What a function threw, as the content of an error reply and its buffers, and back. */

import { types } from 'node:util'
import type { ErrorContent } from '../protocol/catalogue.ts'
import type { Frame, Message } from '../transport/socket.ts'
import { nodeRealm, packValue, unpackValue } from './payload.ts'
import { cleanStack } from './stack.ts'

/** What an error reply says, and the buffers that carry its cause, code and properties. */
export interface PackedError {
  readonly ename: string
  readonly evalue: string
  readonly traceback: string[]
  readonly frames: Frame[]
}

/** An error reply as read: the fields of a RemoteError, and the thrown value itself where it travelled. */
export interface UnpackedError {
  readonly ename: string
  readonly evalue: string
  readonly traceback: string
  /** The original error's cause. */
  readonly cause?: unknown
  /** The thrown value, rebuilt: with its code, its properties, and the parts of an AggregateError. */
  readonly original?: unknown
}

/** An error, or whatever was thrown, as an error reply. Never throws. */
export function packError(error: unknown): PackedError {
  const frames = packAnything(error)
  if (!types.isNativeError(error)) {
    // `throw 'text'` has no class and no stack: the text is all there is.
    return { ename: nameOfThrown(error), evalue: textOfThrown(error), traceback: [], frames }
  }
  const name = textIn(error, 'name') || 'Error'
  return {
    ename: name,
    evalue: textIn(error, 'message'),
    traceback: cleanStack(textIn(error, 'stack')),
    frames,
  }
}

function packAnything(error: unknown): Frame[] {
  try {
    return packValue(error, 'error')
  } catch {
    // Something thrown that cannot travel: its text is in the content.
    return []
  }
}

function textIn(error: Error, key: 'name' | 'message' | 'stack'): string {
  try {
    return String(error[key] ?? '')
  } catch {
    return ''
  }
}

function nameOfThrown(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return 'Error'
  try {
    return typeof thrown.constructor?.name === 'string' ? thrown.constructor.name : 'Error'
  } catch {
    return 'Error'
  }
}

function textOfThrown(thrown: unknown): string {
  try {
    if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) return String(thrown.message)
    return String(thrown)
  } catch {
    return 'something was thrown that cannot be shown'
  }
}

/**
 * What an error reply says. Never throws for what a peer sent: buffers that cannot be read are left out.
 *
 * @param frames - buffers of the reply, if it has any.
 */
export function unpackError(content: Omit<ErrorContent, 'status'>, frames: Message = []): UnpackedError {
  const { ename, evalue, traceback } = content
  const told = {
    ename: String(ename),
    evalue: String(evalue),
    traceback: Array.isArray(traceback) ? traceback.join('\n') : '',
  }
  const original = frames.length === 0 ? undefined : readOriginal(frames)
  if (original === undefined) return told
  const cause: unknown = types.isNativeError(original) ? original.cause : undefined
  return { ...told, original, ...(cause !== undefined && { cause }) }
}

function readOriginal(frames: Message): unknown {
  try {
    const original = unpackValue(frames, nodeRealm)
    if (!types.isPromise(original)) return original
    // An error that drags functions with imports along: its text says enough.
    original.catch(() => {})
  } catch {
    // Its text says enough.
  }
  return undefined
}

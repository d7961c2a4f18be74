/** Values that come as messages. How long one is is not known before it is there, so a receive begins with a probe. */

import type { Context } from './context.ts'
import { checkSource, checkTagToReceive, partnersOf, peek, receiveBuffer } from './point-to-point.ts'
import type { Progress } from './progress.ts'
import { Request } from './request.ts'
import { Status } from './status.ts'
import { bytesToValue } from './values.ts'

/** A value that is to be received. */
export class ValueRequest<Value = unknown> extends Request<Value> {
  readonly from: number
  readonly tag: number
  readonly #context: Context
  /** Why what came is no value. */
  #error: unknown

  constructor(context: Context, from: number, tag: number) {
    super()
    this.#context = context
    this.from = from
    this.tag = tag
  }

  /** Its message is there. */
  take(status: Status): void {
    try {
      this.ended = { value: takeValue(this.#context, status) as Value, status }
    } catch (error) {
      this.#error = error
    }
  }

  protected get progress(): Progress {
    return this.#context.progress
  }

  protected get partners(): readonly number[] | undefined {
    return partnersOf(this.#context, this.from)
  }

  protected poll(): void {
    deliver(this.#context)
    if (this.#error !== undefined) throw this.#error
  }

  protected giveUp(): boolean {
    withdraw(this.#context, this as ValueRequest)
    return true
  }
}

/** Waits for a value. */
export function receiveValue(context: Context, from: number, tag: number, status = new Status()): unknown {
  probe(context, from, tag, status)
  return takeValue(context, status)
}

/** A receive that begins now, and takes its value when it is looked at. */
export function receiveValueLater(context: Context, from: number, tag: number): ValueRequest {
  const request = new ValueRequest(context, checkSource(context, from), checkTagToReceive(context, tag))
  context.waiting.push(request)
  return request
}

/** Blocks until a message is there, and tells about it. */
export function probe(context: Context, from: number, tag: number, status: Status): void {
  context.progress.wait(() => probeNow(context, from, tag, status), partnersOf(context, from))
}

/** Whether a message is there that no receive was begun for; `status` then tells about it. */
export function probeNow(context: Context, from: number, tag: number, status: Status): boolean {
  do {
    deliver(context)
    if (!peek(context, from, tag, status)) return false
    // It may have come since.
  } while (handOver(context, status))
  return true
}

/**
 * Gives what is there to the receives that were begun: each message to the first that it fits, whichever of them is
 * looked at.
 */
function deliver(context: Context): void {
  if (context.waiting.length === 0) return
  const status = new Status()
  for (const { from, tag } of [...context.waiting]) {
    if (peek(context, from, tag, status)) handOver(context, status)
  }
}

/** Gives a message to the first receive that it fits. @returns whether there is one. */
function handOver(context: Context, status: Status): boolean {
  const { anySource, anyTag } = context.native.abi
  const receiver = context.waiting.find(
    ({ from, tag }) =>
      (from === status.source || from === anySource) && (tag === status.tag || tag === anyTag),
  )
  if (receiver === undefined) return false
  withdraw(context, receiver)
  receiver.take({ ...status })
  return true
}

function withdraw({ waiting }: Context, request: ValueRequest): void {
  const index = waiting.indexOf(request)
  if (index !== -1) waiting.splice(index, 1)
}

function takeValue(context: Context, { source, tag, count }: Status): unknown {
  if (source === context.native.abi.procNull) return undefined
  // What was sent as buffers may have no count of bytes; it is no value either.
  const bytes = Buffer.alloc(Math.max(0, count))
  receiveBuffer(context, bytes, source, tag).wait()
  return bytesToValue(bytes)
}

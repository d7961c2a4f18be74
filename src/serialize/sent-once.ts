/**
 * Large captured values are sent once an engine, not once a task. The first call that captures a value carries it
 * whole. From the second one on, as long as its bytes are still the same, calls carry its digest in its place, and an
 * engine that lacks it asks the program for it (withheld.ts has the form on the wire).
 *
 * A captured value is what it was at the moment of the call: its bytes are compared at every call with a copy that is
 * kept here. Comparing takes a tenth of the time that hashing takes, and ends at the first difference.
 */

import { hash } from 'node:crypto'

/** Captured values from this size on are sent once. */
export const SENT_ONCE_BYTES_MIN = 64 * 1024
/** Larger ones travel with every call: an engine could keep hardly more than one of them. */
export const SENT_ONCE_BYTES_MAX = 128 * 1024 * 1024
/** Copies kept for comparison; the ones not used for longest are dropped beyond it, and made anew when needed. */
const COPIES_BYTES_MAX = 256 * 1024 * 1024

/** A part of a payload that stands for itself: engines keep it by its digest. */
export interface SentOnce {
  readonly digest: string
  readonly bytes: Buffer
}

/** What was captured, as far as it can be met again: an array buffer, or a variable of a function's text. */
export type Origin = object

/** What this process has sent, and may send again. */
export class SentBefore {
  readonly #met = new WeakMap<Origin, { copy: SentOnce | undefined }>()
  readonly #copies = new Map<{ copy: SentOnce | undefined }, number>()
  #copiedBytes = 0

  /** The part to refer to; undefined when it must travel whole, because it is new or has changed. */
  find(origin: Origin, bytes: Uint8Array): SentOnce | undefined {
    const met = this.#met.get(origin)
    if (met === undefined) {
      this.#met.set(origin, { copy: undefined })
      return undefined
    }
    const { copy } = met
    this.#drop(met)
    if (copy === undefined) {
      const kept = Buffer.from(bytes)
      return this.#keep(met, { digest: digestOf(kept), bytes: kept })
    }
    return copy.bytes.equals(bytes) ? this.#keep(met, copy) : undefined
  }

  /** A part that was sent, if its copy is still here. */
  copyOf(digest: string): SentOnce | undefined {
    for (const { copy } of this.#copies.keys()) if (copy?.digest === digest) return copy
    return undefined
  }

  #keep(met: { copy: SentOnce | undefined }, copy: SentOnce): SentOnce {
    met.copy = copy
    this.#copies.set(met, copy.bytes.length)
    this.#copiedBytes += copy.bytes.length
    for (const eldest of this.#copies.keys()) {
      if (this.#copiedBytes <= COPIES_BYTES_MAX || eldest === met) break
      this.#drop(eldest)
    }
    return copy
  }

  #drop(met: { copy: SentOnce | undefined }): void {
    this.#copiedBytes -= this.#copies.get(met) ?? 0
    this.#copies.delete(met)
    met.copy = undefined
  }
}

const variables = new WeakMap<object, Map<string, Origin>>()

/** Stands for what functions of one text capture under one name. */
export function variableOf(definition: object, name: string): Origin {
  let origins = variables.get(definition)
  if (origins === undefined) {
    origins = new Map()
    variables.set(definition, origins)
  }
  let origin = origins.get(name)
  if (origin === undefined) {
    origin = {}
    origins.set(name, origin)
  }
  return origin
}

export function digestOf(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'base64url')
}

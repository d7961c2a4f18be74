/** This process's own classes, by their definitions: what comes back in a reply is what was sent, not a copy. */

import type { AnyFunction } from './callee.ts'
import { type Definition, DIGEST_BYTES } from './definition.ts'
import { LruMap } from './lru-map.ts'
import type { Realm } from './realm.ts'

const ORIGINALS_MAX = 2000
const originals = new LruMap<string, { readonly bytes: Buffer; readonly ref: WeakRef<AnyFunction> }>(
  ORIGINALS_MAX,
)
const remembered = new WeakSet<AnyFunction>()

/** Remembers a class that captures nothing. What captures something differs from one message to the next. */
export function rememberOriginal(fn: AnyFunction, { bytes, names }: Definition): void {
  if (names.length > 0 || remembered.has(fn)) return
  remembered.add(fn)
  originals.set(bytes.toString('latin1', 0, DIGEST_BYTES), { bytes, ref: new WeakRef(fn) })
}

/** The class that was sent with this definition, for a realm that reads replies. */
export function originalOf(bytes: Buffer, realm: Realm): AnyFunction | undefined {
  if (realm.guarded !== true) return undefined
  const known = originals.get(bytes.toString('latin1', 0, DIGEST_BYTES))
  return known?.bytes.equals(bytes) ? known.ref.deref() : undefined
}

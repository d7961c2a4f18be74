/**
 * The modules of a payload: those that must be loaded before it can be read, and those that its functions may import when
 * they run. The list is JSON, and the bundles of those that have one follow it, each once, in the order of the list.
 *
 * ```
 * "node:os"                                import it now
 * "file:///…/model.mjs?itsparallel=V"      the same, from its bundle
 * ["file:///…?itsparallel=V", base, name]  it is what `import(name)` or `require(name)` means in the file `base`
 * ```
 */

import type { Frame, Message } from '../transport/socket.ts'
import { malformed } from './byte-reader.ts'
import { type Bundle, isVersioned } from './user-modules.ts'

type Later = readonly [address: string, base: string, specifier: string]

/** What a payload says about modules. */
export interface ReadModules {
  readonly imports: readonly string[]
  readonly bundles: readonly { readonly address: string; readonly bytes: Frame }[]
  /** By `laterKey`. */
  readonly later: ReadonlyMap<string, string>
}

/** Names what a file means by a specifier. */
export function laterKey(base: string, specifier: string): string {
  return `${base} ${specifier}`
}

/** The list while a payload is written. */
export class ModuleList {
  readonly #entries = new Map<string, string | Later>()
  readonly #bundles = new Map<string, Bundle>()

  get isEmpty(): boolean {
    return this.#entries.size === 0
  }

  import(address: string, bundle?: Bundle): void {
    this.#entries.set(address, address)
    if (bundle !== undefined) this.#bundles.set(address, bundle)
  }

  importLater(bundle: Bundle, base: string, specifier: string): void {
    this.#entries.set(laterKey(base, specifier), [bundle.address, base, specifier])
    this.#bundles.set(bundle.address, bundle)
  }

  frame(): Frame {
    return Buffer.from(JSON.stringify([...this.#entries.values()]))
  }

  bundles(): Frame[] {
    return [...this.#bundles.values()].map(bundle => bundle.bytes)
  }

  clear(): void {
    if (this.isEmpty) return
    this.#entries.clear()
    this.#bundles.clear()
  }
}

/** Reads the list of a payload and what follows it. @throws RemoteProtocolError when it is none. */
export function readModuleList(frames: Message): ReadModules {
  const imports: string[] = []
  const later = new Map<string, string>()
  const bundled = new Map<string, Frame>()
  for (const entry of entriesIn(frames[1])) {
    const address = typeof entry === 'string' ? entry : entry[0]
    if (typeof entry === 'string') imports.push(entry)
    else later.set(laterKey(entry[1], entry[2]), address)
    if (!isVersioned(address) || bundled.has(address)) continue
    const frame = frames[2 + bundled.size]
    if (frame === undefined) throw malformed('a module is missing')
    bundled.set(address, frame)
  }
  return { imports, later, bundles: [...bundled].map(([address, bytes]) => ({ address, bytes })) }
}

function entriesIn(frame: Frame | undefined): readonly (string | Later)[] {
  try {
    const entries: unknown = JSON.parse(String(frame))
    if (Array.isArray(entries) && entries.every(isEntry)) return entries
  } catch {
    // Told below.
  }
  throw malformed('its list of modules is none')
}

function isEntry(entry: unknown): entry is string | Later {
  if (typeof entry === 'string') return true
  return Array.isArray(entry) && entry.length === 3 && entry.every(each => typeof each === 'string')
}

/**
 * The user's own modules travel by content: a file that a function imports, and the files that this one imports, are
 * sent as they are on the disk at the moment of the call, and engines load them from what was sent.
 *
 * Which: files named by a path or `file:` address that lie in no `node_modules`. Packages and node's own modules stay
 * imports by name.
 *
 * Each module has a version, made from its own text and that of everything it imports, which becomes part of its address
 * (`file:///home/me/model.mjs?itsparallel=VERSION`). So an engine has one instance of each version, and its state lasts
 * as long as the engine; an edited file is another version; and modules that import none of what was edited stay as
 * they are.
 */

import { hash } from 'node:crypto'
import { type BigIntStats, statSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type ModuleFormat, type ModuleText, readModule } from './module-text.ts'
import { isMainModule, resolveSpecifier } from './script-imports.ts'
import { SENT_ONCE_BYTES_MAX } from './sent-once.ts'

/** What an engine needs to know of one module. */
export interface BundledModule {
  /** Its own, with its version. */
  readonly address: string
  readonly format: ModuleFormat
  readonly source: string
  /** Addresses of the modules that it imports (or PROGRAM), by what its text calls them. */
  readonly imports: Readonly<Record<string, string>>
  readonly names: readonly string[]
}

/** A module with everything that it imports. */
export interface Bundle {
  readonly address: string
  /** The modules, as JSON: the same buffer as long as nothing changes. */
  readonly bytes: Buffer
}

const FILE = /\.(?:[mc]?[jt]s|json)$/
/** In the place of an address: the program itself, which is not to be run again elsewhere. */
const PROGRAM = 'program'

const VERSION_KEY = '?itsparallel='
const VERSION_CHARS = 16

/** Whether this is the address of a module that travels by content. */
export function isVersioned(address: string): boolean {
  return address.includes(VERSION_KEY)
}

/** The file's own address. */
export function withoutVersion(address: string): string {
  const at = address.indexOf(VERSION_KEY)
  return at === -1 ? address : address.slice(0, at)
}

const VERSIONS = /\?itsparallel=[\w-]{16}/g

/** Text that names modules, such as a stack, with the addresses of their files. */
export function withoutVersions(text: string): string {
  return text.includes(VERSION_KEY) ? text.replace(VERSIONS, '') : text
}

interface Known extends ModuleText {
  readonly stamp: string
  readonly textHash: string
  /** The user's own modules among its imports. */
  readonly links: ReadonlyMap<string, string>
}

const known = new Map<string, Known>()
const bundles = new Map<string, { readonly stamps: string; readonly bundle: Bundle }>()
/** Modules that were looked at in this run of synchronous code: nothing could have changed since. */
const fresh = new Set<string>()
const freshBundles = new Set<string>()
/** This package's own: an engine has its own copy, and one is enough. */
const OWN = new URL('..', import.meta.url).href

/**
 * The bundle of a file, as it is now.
 *
 * @returns undefined when it is none of the user's modules, or cannot be read or parsed: then it is imported by name.
 */
export function bundleOf(url: string): Bundle | undefined {
  const cached = bundles.get(url)
  if (cached !== undefined && freshBundles.has(url)) return cached.bundle
  if (!isUserModule(url)) return undefined
  const graph = reachableFrom(url)
  if (graph === undefined) return undefined
  const stamps = [...graph].map(([each, { textHash }]) => each + textHash).join(' ')
  freshBundles.add(url)
  if (cached?.stamps === stamps) return cached.bundle
  const bundle = newBundle(url, graph)
  if (bundle.bytes.length > SENT_ONCE_BYTES_MAX) return undefined
  bundles.set(url, { stamps, bundle })
  return bundle
}

function isUserModule(url: string): boolean {
  return (
    url.startsWith('file:') &&
    !url.includes('/node_modules/') &&
    !url.startsWith(OWN) &&
    FILE.test(url) &&
    !isMainModule(fileURLToPath(url))
  )
}

type Graph = ReadonlyMap<string, Known>

function reachableFrom(url: string): Graph | undefined {
  const graph = new Map<string, Known>()
  const waiting = [url]
  for (let each = waiting.pop(); each !== undefined; each = waiting.pop()) {
    if (graph.has(each)) continue
    const module = knownModule(each)
    if (module === undefined) {
      if (each === url) return undefined
      continue
    }
    graph.set(each, module)
    for (const link of module.links.values()) if (link !== PROGRAM) waiting.push(link)
  }
  return graph
}

function knownModule(url: string): Known | undefined {
  const before = known.get(url)
  if (before !== undefined && fresh.has(url)) return before
  try {
    const stamp = stampOf(statSync(fileURLToPath(url), { bigint: true }))
    if (fresh.size === 0) queueMicrotask(forgetFresh)
    fresh.add(url)
    if (before?.stamp === stamp) return before
    const text = readModule(url)
    const module = {
      ...text,
      stamp,
      textHash: hash('sha256', text.source, 'base64url'),
      links: linksOf(url, text),
    }
    known.set(url, module)
    return module
  } catch {
    // Whoever imports it will be told what is wrong with it.
    return undefined
  }
}

function forgetFresh(): void {
  fresh.clear()
  freshBundles.clear()
}

function stampOf({ mtimeNs, size, ino }: BigIntStats): string {
  return `${mtimeNs} ${size} ${ino}`
}

function linksOf(url: string, { specifiers }: ModuleText): Map<string, string> {
  const links = new Map<string, string>()
  for (const specifier of specifiers) {
    const target = fileOf(specifier, url)
    if (target === undefined) continue
    if (isMainModule(fileURLToPath(target))) links.set(specifier, PROGRAM)
    else if (isUserModule(target)) links.set(specifier, target)
  }
  return links
}

/** The user's own module that a specifier names. */
export function userModule(specifier: string, base: string): string | undefined {
  const target = fileOf(specifier, base)
  return target !== undefined && isUserModule(target) ? target : undefined
}

function fileOf(specifier: string, base: string): string | undefined {
  if (isBuiltin(specifier)) return undefined
  const isPath = /^(?:\.{0,2}\/|file:|\.{1,2}$)/.test(specifier)
  if (!isPath && !specifier.startsWith('#')) return undefined
  const asImported = isPath ? resolveSpecifier(specifier, base) : undefined
  // A folder is no module, but may be required.
  return asImported !== undefined && FILE.test(asImported) ? asImported : asRequired(specifier, base)
}

/** `require` leaves out extensions, and names folders; `#names` are a package's own. */
function asRequired(specifier: string, base: string): string | undefined {
  try {
    const file = createRequire(base).resolve(specifier)
    return isBuiltin(file) ? undefined : pathToFileURL(file).href
  } catch {
    return undefined
  }
}

function newBundle(url: string, graph: Graph): Bundle {
  const addresses = new Map([...graph.keys()].map(each => [each, addressOf(each)]))
  const modules = [...graph].map(([each, { format, source, names, links }]): BundledModule => {
    const imports = Object.fromEntries(
      [...links].flatMap(([specifier, target]) => {
        const address = target === PROGRAM ? PROGRAM : addresses.get(target)
        return address === undefined ? [] : [[specifier, address]]
      }),
    )
    return { address: addresses.get(each)!, format, source, imports, names }
  })
  return { address: addresses.get(url)!, bytes: Buffer.from(JSON.stringify(modules)) }
}

function addressOf(url: string): string {
  const reachable = [...(reachableFrom(url) ?? [])].map(([each, { textHash }]) => each + textHash)
  const version = hash('sha256', [url, ...reachable.sort()].join('\n'), 'base64url')
  return `${url}${VERSION_KEY}${version.slice(0, VERSION_CHARS)}`
}

/** Reads a bundle that was sent. @returns undefined when it is none. */
export function parseBundle(bytes: Buffer): readonly BundledModule[] | undefined {
  try {
    const modules: unknown = JSON.parse(bytes.toString())
    if (Array.isArray(modules) && modules.every(isBundledModule)) return modules
  } catch {
    // Told by the answer.
  }
  return undefined
}

function isBundledModule(module: unknown): module is BundledModule {
  if (typeof module !== 'object' || module === null) return false
  const { address, format, source, imports, names } = module as Record<string, unknown>
  return (
    typeof address === 'string' &&
    address.startsWith('file:') &&
    isVersioned(address) &&
    ['module', 'commonjs', 'json'].includes(String(format)) &&
    typeof source === 'string' &&
    typeof imports === 'object' &&
    imports !== null &&
    Object.values(imports).every(each => typeof each === 'string') &&
    Array.isArray(names) &&
    names.every(each => typeof each === 'string')
  )
}

/** Objects that every realm has, by the path that leads to them: `Math.max`, `Array.prototype.map`, `structuredClone`. */

import { NDArray } from '../base/nd-array.ts'

/** Names of the language, and of node where they are no module's export. */
const ROOTS = [
  ...'Object Function Array String Number Boolean Symbol BigInt Math JSON Reflect Proxy Promise Date RegExp'.split(
    ' ',
  ),
  ...'Map Set WeakMap WeakSet WeakRef FinalizationRegistry Atomics Intl WebAssembly Iterator'.split(' '),
  ...'Error TypeError RangeError SyntaxError ReferenceError EvalError URIError AggregateError'.split(' '),
  ...'ArrayBuffer SharedArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray Int16Array'.split(' '),
  ...'Uint16Array Int32Array Uint32Array Float32Array Float64Array BigInt64Array BigUint64Array'.split(' '),
  ...'parseInt parseFloat isNaN isFinite encodeURIComponent decodeURIComponent encodeURI decodeURI'.split(
    ' ',
  ),
  ...'escape unescape globalThis console process Buffer URL URLSearchParams TextEncoder TextDecoder'.split(
    ' ',
  ),
  ...'setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask'.split(
    ' ',
  ),
  ...'structuredClone fetch Headers Request Response FormData Blob AbortController AbortSignal Event'.split(
    ' ',
  ),
  ...'EventTarget performance crypto atob btoa eval require'.split(' '),
] as const

/** Names that a function may use without anybody looking whether a variable of that name is around it twice. */
export const STANDARD_NAMES: ReadonlySet<string> = new Set([...ROOTS, 'undefined', 'NaN', 'Infinity'])

/** Their members are looked at too, but only the functions among them: `process.env` is data of one process. */
const DEPTH_MAX = 3

let pathOf: Map<unknown, string> | undefined
let byPath: Map<string, unknown> | undefined

/** Path of a standard object, or undefined. */
export function intrinsicPath(object: unknown): string | undefined {
  pathOf ??= new Map([...intrinsics()].map(([path, value]) => [value, path] as const).reverse())
  return pathOf.get(object)
}

/** The standard object of that path in this process: one of a closed list, whatever the text says. */
export function intrinsicAt(path: string): unknown {
  byPath ??= intrinsics()
  return byPath.get(path)
}

function intrinsics(): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const root of ROOTS) {
    // Getters of the global object load whole parts of node: those are left alone until somebody used them.
    const value: unknown = Object.getOwnPropertyDescriptor(globalThis, root)?.value
    if (value !== undefined && value !== null) add(found, root, value, 1)
  }
  found.set('process', process)
  found.set('Buffer', Buffer)
  // Ours, and at both ends: a copy of the class would have instances that are none of the other's.
  found.set('NDArray', NDArray)
  return found
}

function add(found: Map<string, unknown>, path: string, value: unknown, depth: number): void {
  found.set(path, value)
  if (depth === DEPTH_MAX || path === 'globalThis' || path === 'process') return
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    if (name === 'constructor' || name === 'caller' || name === 'arguments') continue
    const member: unknown = property.value
    const isPrototype = name === 'prototype' && typeof member === 'object' && member !== null
    if (typeof member === 'function' || isPrototype) add(found, `${path}.${name}`, member, depth + 1)
  }
}

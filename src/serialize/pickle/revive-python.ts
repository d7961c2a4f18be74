/**
 * Gives the nodes of a pickle their meaning in JavaScript. Only what stands in the table of makers below becomes a value;
 * everything else stays a PythonObject. Nothing that a pickle names is looked up, imported or called.
 */

import { Reference } from '../callee.ts'
import { makers } from './makers.ts'
import { type Node, PythonDict, PythonGlobal, PythonInstance, PythonSet, PythonTuple } from './nodes.ts'
import { PythonObject } from './python-object.ts'

/** What the surroundings know: engines resolve names, clients do not. */
export interface Surroundings {
  /** The value of a name in the namespace. @throws ReferenceError. */
  readonly lookup?: (name: string) => unknown
}

export class Reviver {
  readonly #lookup: ((name: string) => unknown) | undefined
  /** What a node became: nodes may be shared and may hold themselves. */
  readonly #values = new Map<Node, unknown>()

  constructor({ lookup }: Surroundings = {}) {
    this.#lookup = lookup
  }

  readonly value = (node: Node): unknown => {
    if (typeof node !== 'object' || node === null || Buffer.isBuffer(node)) return node
    const known = this.#values.get(node)
    if (known !== undefined) return known
    if (Array.isArray(node)) return this.#fill(node, new Array(node.length), node)
    if (node instanceof PythonTuple) return this.#fill(node, new Array(node.items.length), node.items)
    if (node instanceof PythonDict) return this.#dict(node)
    if (node instanceof PythonSet) return this.#set(node)
    if (node instanceof PythonInstance) return this.#instance(node)
    return this.#remember(node, new PythonObject(node, this.value))
  }

  /** An object of text keys alone, else a Map. */
  entries(node: Node, entries: PythonDict['entries']): unknown {
    if (entries.every(([key]) => typeof key === 'string')) {
      const object = this.#remember(node, {})
      for (const [key, value] of entries) setKey(object, key as string, this.value(value))
      return object
    }
    const map = this.#remember(node, new Map<unknown, unknown>())
    for (const [key, value] of entries) map.set(this.value(key), this.value(value))
    return map
  }

  /** The engine's own variable, or what stands for it. */
  reference(name: string): unknown {
    return this.#lookup === undefined ? new Reference(name) : this.#lookup(name)
  }

  #dict(node: PythonDict): unknown {
    return this.entries(node, node.entries)
  }

  #set(node: PythonSet): unknown {
    const set = this.#remember(node, new Set<unknown>())
    for (const item of node.items) set.add(this.value(item))
    return set
  }

  #instance(node: PythonInstance): unknown {
    const maker = node.maker instanceof PythonGlobal ? makers.get(node.makerName) : undefined
    const made = maker?.(node, this)
    if (made !== undefined) return this.#remember(node, made)
    return this.#remember(node, new PythonObject(node, this.value))
  }

  #fill(node: Node, array: unknown[], items: readonly Node[]): unknown[] {
    this.#remember(node, array)
    for (let i = 0; i < items.length; i++) array[i] = this.value(items[i]!)
    return array
  }

  #remember<Value>(node: Node, value: Value): Value {
    this.#values.set(node, value)
    return value
  }
}

/** A key may be called `__proto__`: it is a key like any other, and never sets a prototype. */
function setKey(object: object, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  else (object as Record<string, unknown>)[key] = value
}

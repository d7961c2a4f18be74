import { inspect } from 'node:util'
import { type Node, PythonGlobal, PythonInstance } from './nodes.ts'

/** Says what nodes mean in JavaScript, when somebody asks. */
type Convert = (node: Node) => unknown

/** The node of an object; not for users. */
export const nodeOf = Symbol('nodeOf')

/**
 * A Python object that has no counterpart in JavaScript: a class, a function, an instance of some class. It can be
 * looked at, and be sent back to a Python engine, where it becomes what it was. It is never called or run here.
 *
 * @example
 * const price = await view.pull('price')      // a decimal.Decimal over there
 * String(price)                               // "decimal.Decimal('1.50')"
 * await view.push({ again: price })           // a Decimal again
 */
export class PythonObject {
  /** Module of its class, or of the function or class that it is. */
  readonly module: string
  /** Name of its class, or its own, as Python qualifies it. */
  readonly name: string
  readonly [nodeOf]: PythonGlobal | PythonInstance
  readonly #convert: Convert

  /** Made where pickles are read. */
  constructor(node: PythonGlobal | PythonInstance, convert: Convert) {
    const global = namedBy(node)
    this.module = global?.module ?? ''
    this.name = global?.name ?? 'object'
    this[nodeOf] = node
    this.#convert = convert
  }

  /** What its class was called with. */
  get args(): unknown[] {
    const node = this[nodeOf]
    return node instanceof PythonInstance ? (this.#convert(node.args) as unknown[]) : []
  }

  /** What it holds, such as its attributes by name; undefined where its pickle says nothing of it. */
  get state(): unknown {
    const node = this[nodeOf]
    return node instanceof PythonInstance && node.state !== undefined ? this.#convert(node.state) : undefined
  }

  /** As Python would show it, as far as its parts tell. */
  get repr(): string {
    const path = this.module === '' || this.module === 'builtins' ? this.name : `${this.module}.${this.name}`
    if (this[nodeOf] instanceof PythonGlobal) return `<${path}>`
    const parts = this.args.map(show)
    const { state } = this
    if (typeof state === 'object' && state !== null && !Array.isArray(state))
      for (const [name, value] of Object.entries(state)) parts.push(`${name}=${show(value)}`)
    return `${path}(${parts.join(', ')})`
  }

  toString(): string {
    return this.repr
  }

  [inspect.custom](): string {
    return this.repr
  }
}

/** The class that an instance is of: what makes it, or the first thing that the maker is given (`copyreg`). */
function namedBy(node: PythonGlobal | PythonInstance): PythonGlobal | undefined {
  if (node instanceof PythonGlobal) return node
  const [first] = node.args.items
  const isHelper = node.makerName.startsWith('copyreg:')
  if (isHelper && first instanceof PythonGlobal) return first
  return node.maker instanceof PythonGlobal ? node.maker : undefined
}

function show(value: unknown): string {
  return inspect(value, { depth: 1, maxArrayLength: 10, maxStringLength: 200, breakLength: Infinity })
}

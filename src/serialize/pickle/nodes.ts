/**
 * What a pickle says, before anybody decides what it means in JavaScript: a graph that may share and may be cyclic.
 *
 * Numbers, text, booleans and None are themselves, bytes are Buffers, lists are arrays. The rest has the classes below.
 * Nothing in here was ever called or looked up by name.
 */

export type Node =
  | null
  | boolean
  | number
  | bigint
  | string
  | Buffer
  | Node[]
  | PythonTuple
  | PythonDict
  | PythonSet
  | PythonGlobal
  | PythonInstance

export class PythonTuple {
  readonly items: readonly Node[]

  constructor(items: readonly Node[]) {
    this.items = items
  }
}

/** Keys and values in the order in which they were set. A key that is set again is there twice; the last one counts. */
export class PythonDict {
  readonly entries: (readonly [key: Node, value: Node])[] = []
}

export class PythonSet {
  readonly items: Node[]
  readonly isFrozen: boolean

  constructor(items: Node[], isFrozen: boolean) {
    this.items = items
    this.isFrozen = isFrozen
  }
}

/** A class, function or constant, named by module and qualified name. */
export class PythonGlobal {
  readonly module: string
  readonly name: string

  constructor(module: string, name: string) {
    this.module = module
    this.name = name
  }
}

/** How an object is to be made: by calling something, or by `__new__` of its class. */
export type Making = 'reduce' | 'new'

/** An object as its pickle describes it: what makes it, from what, and what is done to it then. */
export class PythonInstance {
  readonly making: Making
  readonly maker: Node
  readonly args: PythonTuple
  /** Keyword arguments of `__new__`. */
  readonly keywords: PythonDict | undefined
  /** What BUILD gives it; undefined where there is none. */
  state: Node | undefined
  /** What is appended or added to it. */
  readonly items: Node[] = []
  /** What is set in it. */
  readonly entries: (readonly [key: Node, value: Node])[] = []

  constructor(making: Making, maker: Node, args: PythonTuple, keywords?: PythonDict) {
    this.making = making
    this.maker = maker
    this.args = args
    this.keywords = keywords
  }

  /** `module:name` of what makes it; empty where that is no global. */
  get makerName(): string {
    return this.maker instanceof PythonGlobal ? `${this.maker.module}:${this.maker.name}` : ''
  }
}

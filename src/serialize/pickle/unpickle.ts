/**
 * Reads pickles of protocols 0 to 5 into a graph (nodes.ts). It is a stack machine with a table of opcodes that only
 * notes down what the pickle says: nothing is imported, looked up or called, whatever it names.
 *
 * Invariants:
 * 1. Memory is bounded by the length of the bytes: each opcode makes at most one node, and no node is sized by a number
 *    in them.
 * 2. Whatever the bytes are, the outcome is a graph or a RemoteProtocolError.
 *
 * Source: Python's Lib/pickletools.py, which describes every opcode.
 */

import { type Node, PythonDict, PythonGlobal, PythonInstance, PythonSet, PythonTuple } from './nodes.ts'
import { Op } from './opcodes.ts'
import { malformedPickle, PickleBytes, parseInteger } from './pickle-bytes.ts'

const PROTOCOL_MAX = 5

/** Modules that Python 2 called otherwise. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['__builtin__', 'builtins'],
  ['exceptions', 'builtins'],
  ['copy_reg', 'copyreg'],
])

/**
 * @param buffers - what stands outside of the pickle, in the order in which it refers to it.
 * @throws RemoteProtocolError when the bytes are no pickle.
 */
export function unpickle(bytes: Buffer, buffers: readonly Buffer[] = []): Node {
  return new Machine(bytes, buffers).run()
}

class Machine {
  readonly bytes: PickleBytes
  readonly #buffers: readonly Buffer[]
  #nextBuffer = 0
  readonly #stack: Node[] = []
  /** Height of the stack at each mark. */
  readonly #marks: number[] = []
  readonly #memo = new Map<number, Node>()

  constructor(bytes: Buffer, buffers: readonly Buffer[]) {
    this.bytes = new PickleBytes(bytes)
    this.#buffers = buffers
  }

  run(): Node {
    for (;;) {
      const code = this.bytes.byte()
      if (code === Op.STOP) break
      const step = STEPS[code]
      if (step === undefined) throw malformedPickle(`it has the unknown opcode 0x${code.toString(16)}`)
      step(this)
    }
    if (this.#marks.length > 0 || this.#stack.length !== 1)
      throw malformedPickle('its stack does not come out even')
    return this.#stack[0]!
  }

  push(node: Node): void {
    this.#stack.push(node)
  }

  pop(): Node {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw malformedPickle('it takes more than there is')
    return this.#stack.pop()!
  }

  top(): Node {
    const node = this.pop()
    this.push(node)
    return node
  }

  mark(): void {
    this.#marks.push(this.#stack.length)
  }

  /** What was pushed since the last mark. */
  popToMark(): Node[] {
    const start = this.#marks.pop()
    if (start === undefined) throw malformedPickle('it goes back to a mark that it never set')
    return this.#stack.splice(start)
  }

  /** POP also takes a mark away. */
  discard(): void {
    if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop()
    else this.pop()
  }

  memoize(): void {
    this.remember(this.#memo.size)
  }

  remember(index: number | bigint): void {
    this.#memo.set(Number(index), this.top())
  }

  recall(index: number | bigint): void {
    const node = this.#memo.get(Number(index))
    if (node === undefined) throw malformedPickle('it refers to something that it has not said')
    this.push(node)
  }

  nextBuffer(): void {
    const buffer = this.#buffers[this.#nextBuffer++]
    if (buffer === undefined) throw malformedPickle('a buffer that belongs to it did not come')
    this.push(buffer)
  }

  popText(): string {
    const node = this.pop()
    if (typeof node !== 'string') throw malformedPickle('a name is no text')
    return node
  }

  popTuple(): PythonTuple {
    const node = this.pop()
    if (!(node instanceof PythonTuple)) throw malformedPickle('arguments are no tuple')
    return node
  }

  global(module: string, name: string): void {
    this.push(new PythonGlobal(RENAMED.get(module) ?? module, name))
  }

  append(items: readonly Node[]): void {
    const target = this.top()
    const list = target instanceof PythonInstance ? target.items : target
    if (!Array.isArray(list)) throw malformedPickle('it appends to something that is no list')
    for (const item of items) list.push(item)
  }

  setItems(flat: readonly Node[]): void {
    const target = this.top()
    if (!(target instanceof PythonDict || target instanceof PythonInstance) || flat.length % 2 !== 0)
      throw malformedPickle('it sets items of something that is no dict')
    for (let i = 0; i < flat.length; i += 2) target.entries.push([flat[i]!, flat[i + 1]!])
  }

  addItems(items: readonly Node[]): void {
    const target = this.top()
    if (!(target instanceof PythonSet || target instanceof PythonInstance))
      throw malformedPickle('it adds to something that is no set')
    for (const item of items) target.items.push(item)
  }

  build(): void {
    const state = this.pop()
    const target = this.top()
    if (!(target instanceof PythonInstance))
      throw malformedPickle('it gives a state to something that has none')
    target.state = state
  }

  dict(flat: readonly Node[]): void {
    this.push(new PythonDict())
    this.setItems(flat)
  }
}

type Step = (machine: Machine) => void

/** One step for each opcode. Extension registries and persistent ids have no meaning between strangers: refused. */
const STEPS: readonly (Step | undefined)[] = table({
  [Op.PROTO]: m => {
    if (m.bytes.byte() > PROTOCOL_MAX) throw malformedPickle('its protocol is newer than 5')
  },
  [Op.FRAME]: m => {
    if (m.bytes.uint64() > m.bytes.left) throw malformedPickle('a frame is longer than the pickle')
  },
  [Op.MARK]: m => m.mark(),
  48: m => m.discard(), // POP
  49: m => void m.popToMark(), // POP_MARK
  50: m => m.push(m.top()), // DUP

  [Op.NONE]: m => m.push(null),
  [Op.NEWTRUE]: m => m.push(true),
  [Op.NEWFALSE]: m => m.push(false),
  [Op.BININT]: m => m.push(m.bytes.int32()),
  [Op.BININT1]: m => m.push(m.bytes.byte()),
  [Op.BININT2]: m => m.push(m.bytes.uint16()),
  [Op.LONG1]: m => m.push(m.bytes.integer(m.bytes.byte())),
  [Op.LONG4]: m => m.push(m.bytes.integer(m.bytes.uint32())),
  [Op.BINFLOAT]: m => m.push(m.bytes.float()),
  73: m => m.push(parseInt0(m.bytes.line())), // INT
  76: m => m.push(parseInteger(m.bytes.line())), // LONG
  70: m => m.push(parseFloat0(m.bytes.line())), // FLOAT

  [Op.SHORT_BINUNICODE]: m => m.push(m.bytes.text(m.bytes.byte())),
  [Op.BINUNICODE]: m => m.push(m.bytes.text(m.bytes.uint32())),
  [Op.BINUNICODE8]: m => m.push(m.bytes.text(m.bytes.uint64())),
  86: m => m.push(unescapeUnicode(m.bytes.line())), // UNICODE
  85: m => m.push(m.bytes.text(m.bytes.byte())), // SHORT_BINSTRING
  84: m => m.push(m.bytes.text(m.bytes.uint32())), // BINSTRING
  83: m => m.push(unquote(m.bytes.line())), // STRING
  [Op.SHORT_BINBYTES]: m => m.push(m.bytes.raw(m.bytes.byte())),
  [Op.BINBYTES]: m => m.push(m.bytes.raw(m.bytes.uint32())),
  [Op.BINBYTES8]: m => m.push(m.bytes.raw(m.bytes.uint64())),
  150: m => m.push(m.bytes.raw(m.bytes.uint64())), // BYTEARRAY8
  151: m => m.nextBuffer(), // NEXT_BUFFER
  152: m => void m.top(), // READONLY_BUFFER

  [Op.EMPTY_LIST]: m => m.push([]),
  97: m => m.append([m.pop()]), // APPEND
  [Op.APPENDS]: m => m.append(m.popToMark()),
  108: m => m.push(m.popToMark()), // LIST
  [Op.EMPTY_TUPLE]: m => m.push(new PythonTuple([])),
  133: m => m.push(new PythonTuple([m.pop()])), // TUPLE1
  134: m => m.push(new PythonTuple([m.pop(), m.pop()].reverse())), // TUPLE2
  135: m => m.push(new PythonTuple([m.pop(), m.pop(), m.pop()].reverse())), // TUPLE3
  [Op.TUPLE]: m => m.push(new PythonTuple(m.popToMark())),
  [Op.EMPTY_DICT]: m => m.push(new PythonDict()),
  100: m => m.dict(m.popToMark()), // DICT
  115: m => m.setItems([m.pop(), m.pop()].reverse()), // SETITEM
  [Op.SETITEMS]: m => m.setItems(m.popToMark()),
  [Op.EMPTY_SET]: m => m.push(new PythonSet([], false)),
  [Op.ADDITEMS]: m => m.addItems(m.popToMark()),
  [Op.FROZENSET]: m => m.push(new PythonSet(m.popToMark(), true)),

  [Op.MEMOIZE]: m => m.memoize(),
  113: m => m.remember(m.bytes.byte()), // BINPUT
  114: m => m.remember(m.bytes.uint32()), // LONG_BINPUT
  112: m => m.remember(parseInteger(m.bytes.line())), // PUT
  [Op.BINGET]: m => m.recall(m.bytes.byte()),
  [Op.LONG_BINGET]: m => m.recall(m.bytes.uint32()),
  103: m => m.recall(parseInteger(m.bytes.line())), // GET

  99: m => m.global(m.bytes.textLine(), m.bytes.textLine()), // GLOBAL
  [Op.STACK_GLOBAL]: m => {
    const name = m.popText()
    m.global(m.popText(), name)
  },
  [Op.REDUCE]: m => {
    const args = m.popTuple()
    m.push(new PythonInstance('reduce', m.pop(), args))
  },
  [Op.NEWOBJ]: m => {
    const args = m.popTuple()
    m.push(new PythonInstance('new', m.pop(), args))
  },
  [Op.NEWOBJ_EX]: m => {
    const keywords = m.pop()
    const args = m.popTuple()
    if (!(keywords instanceof PythonDict)) throw malformedPickle('keyword arguments are no dict')
    m.push(new PythonInstance('new', m.pop(), args, keywords))
  },
  105: m => {
    // INST
    const maker = new PythonGlobal(m.bytes.textLine(), m.bytes.textLine())
    m.push(new PythonInstance('reduce', maker, new PythonTuple(m.popToMark())))
  },
  111: m => {
    // OBJ
    const [maker, ...args] = m.popToMark()
    if (maker === undefined) throw malformedPickle('an object has no class')
    m.push(new PythonInstance('reduce', maker, new PythonTuple(args)))
  },
  [Op.BUILD]: m => m.build(),
})

function table(steps: Readonly<Record<number, Step>>): (Step | undefined)[] {
  return Array.from({ length: 256 }, (_, code) => steps[code])
}

/** Protocol 0 writes True as `01` and False as `00`. */
function parseInt0(line: string): number | bigint | boolean {
  return line === '01' ? true : line === '00' ? false : parseInteger(line)
}

function parseFloat0(line: string): number {
  if (line === 'nan') return Number.NaN
  if (line === 'inf' || line === '-inf') return line === 'inf' ? Infinity : -Infinity
  const value = Number(line)
  if (line.trim() === '' || Number.isNaN(value)) throw malformedPickle('a float is none')
  return value
}

/** Protocol 0 writes text in Python's raw-unicode-escape. */
function unescapeUnicode(line: string): string {
  return line.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, short?: string, long?: string) => {
    const code = Number.parseInt(short ?? long!, 16)
    if (code > 0x10ffff) throw malformedPickle('a character is beyond Unicode')
    return short === undefined ? String.fromCodePoint(code) : String.fromCharCode(code)
  })
}

/** Text as Python 2's `repr` wrote it. */
function unquote(line: string): string {
  const quoted = /^(['"])(.*)\1$/s.exec(line)
  if (quoted === null) throw malformedPickle('a text lacks its quotes')
  return quoted[2]!.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (_, hex?: string, letter?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    return { n: '\n', r: '\r', t: '\t' }[letter!] ?? letter!
  })
}

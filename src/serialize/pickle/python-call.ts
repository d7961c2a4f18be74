/**
 * Calls and values as Python's ends send them: what a TypeScript client says to a Python engine and hears from it, and
 * what a TypeScript engine hears from a Python client and says to it.
 *
 * ```
 * call    function · info {nargs, narg_bufs, kw_keys} · arguments · keyword arguments in the order of their sorted names
 * value   one object
 * ```
 *
 * An object is a pickle and the frames of its large data (canning.ts).
 */

import { ParallelError, RemoteProtocolError, SerializationError } from '../../errors.ts'
import type { Frame, Message } from '../../transport/socket.ts'
import { type Callee, Operation, Reference } from '../callee.ts'
import { Path } from '../path.ts'
import { ObjectReader } from './canning.ts'
import { compareKeys } from './key-order.ts'
import { type Node, PythonDict, PythonGlobal } from './nodes.ts'
import { PICKLE_START } from './opcodes.ts'
import { malformedPickle } from './pickle-bytes.ts'
import { PickleWriter } from './pickle-writer.ts'
import { Pickler } from './pickler.ts'
import { pythonCallee } from './python-function.ts'
import { Reviver, type Surroundings } from './revive-python.ts'

const UTIL = 'ipyparallel.util'

/** `map`, as an expression that every Python engine can evaluate, whatever the user has called `map` or `zip` there. */
const MAP = new Reference("lambda f, *columns: [f(*row) for row in __import__('builtins').zip(*columns)]")

type Keywords = Readonly<Record<string, unknown>>

/** Writers that nobody uses at the moment. */
const idle: PickleWriter[] = []

function packing<T>(root: string, use: (pickler: Pickler, path: Path) => T): T {
  const writer = idle.pop() ?? new PickleWriter()
  const path = new Path()
  path.enter(root)
  try {
    return use(new Pickler(path, writer), path)
  } finally {
    idle.push(writer)
  }
}

/** Whether these buffers are Python's. */
export function isPickled(frames: Message): boolean {
  return frames[0]?.[0] === PICKLE_START
}

/**
 * Buffers of an `apply_request` to a Python engine.
 *
 * @throws SerializationError naming the path to what has no counterpart in Python, such as a JavaScript function.
 */
export function packPythonCall(callee: Callee, args: readonly unknown[]): Frame[] {
  if (callee instanceof Operation) return packOperation(callee.name, args)
  if (callee instanceof Reference) return packAny(callee.name, callee, args, {})
  const known = pythonCallee(callee)
  if (known !== undefined) return packAny(known.title, known.callee, args, known.keywords)
  const name = typeof callee === 'function' && callee.name !== '' ? callee.name : 'the function'
  throw new SerializationError(
    `${name} is a JavaScript function, and a Python engine cannot run it: name a Python function, such as python('math:sqrt'), or give one as source: python.source('def f(x): ...')`,
    { path: [name] },
  )
}

function packOperation(name: string, args: readonly unknown[]): Frame[] {
  switch (name) {
    case 'push':
      return packAny(name, new PythonGlobal(UTIL, '_push'), [], args[0] as Keywords)
    case 'pull':
      return packAny(name, new PythonGlobal(UTIL, '_pull'), args, {})
    case 'map':
      return packAny(name, MAP, [args[0], ...(args[1] as readonly unknown[])], {})
    default:
      throw new SerializationError(`Python engines have no operation called ${name}`, { path: [name] })
  }
}

function packAny(
  root: string,
  callee: PythonGlobal | Reference,
  args: readonly unknown[],
  keywords: Keywords,
): Frame[] {
  return packing(root, (pickler, path) => {
    const frames = pickler.pickle(callee)
    const positional: Frame[] = []
    for (const [index, arg] of args.entries()) {
      path.enterArgument(index)
      positional.push(...pickler.pickle(arg))
      path.leave()
    }
    const names = Object.keys(keywords).sort(compareKeys)
    const info = new PythonDict()
    info.entries.push(['nargs', args.length], ['narg_bufs', positional.length], ['kw_keys', names])
    frames.push(...pickler.pickle(info), ...positional)
    for (const name of names) {
      path.enter(name)
      frames.push(...pickler.pickle(keywords[name]))
      path.leave()
    }
    return frames
  })
}

/**
 * Buffers of an `apply_reply` for a Python client.
 *
 * @throws SerializationError naming the path to what has no counterpart in Python.
 */
export function packPythonValue(value: unknown): Frame[] {
  return packing('result', pickler => pickler.pickle(value))
}

/**
 * What a Python engine's reply holds.
 *
 * @throws RemoteProtocolError when the bytes are no value.
 */
export function unpackPythonValue(frames: Message): unknown {
  return reading(() => {
    const reader = new ObjectReader(frames)
    const node = reader.object()
    if (reader.position !== frames.length) throw malformedPickle('there are more frames than belong to it')
    return new Reviver().value(node)
  })
}

/**
 * Cuts the buffers of a coalesced reply into the values of its parts.
 *
 * @throws RemoteProtocolError when they do not add up.
 */
export function splitPythonValues(frames: Message): Message[] {
  const values: Message[] = []
  for (let at = 0; at < frames.length; ) {
    const reader = new ObjectReader(frames, at)
    reading(() => reader.object())
    values.push(frames.slice(at, reader.position))
    at = reader.position
  }
  return values
}

/** A call as a Python client sent it. What is called was not looked up: whoever runs it decides what that means. */
export interface PythonCall {
  readonly callee: Node
  readonly args: readonly Node[]
  readonly keywords: ReadonlyMap<string, Node>
  /** What a part of the call means in JavaScript. */
  readonly value: (node: Node) => unknown
}

/** @throws RemoteProtocolError when the bytes are no call. */
export function unpackPythonCall(frames: Message, surroundings: Surroundings): PythonCall {
  return reading(() => {
    const reader = new ObjectReader(frames)
    const callee = reader.object()
    const info = reader.object()
    if (!(info instanceof PythonDict)) throw malformedPickle('its second part is no dict')
    const facts = new Map(info.entries)
    const count = facts.get('nargs')
    const names = facts.get('kw_keys')
    if (typeof count !== 'number' || !Array.isArray(names))
      throw malformedPickle('it does not say what follows')
    const args: Node[] = []
    for (let i = 0; i < count; i++) args.push(reader.object())
    const keywords = new Map<string, Node>()
    for (const name of names) keywords.set(String(name), reader.object())
    if (reader.position !== frames.length) throw malformedPickle('there are more frames than belong to it')
    const reviver = new Reviver(surroundings)
    return { callee, args, keywords, value: node => reading(() => reviver.value(node)) }
  })
}

/** Nested deeper than the stack: only what was made to do that is. */
function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError && !(error instanceof ParallelError))
      throw new RemoteProtocolError(`a Python pickle cannot be read: ${error.message}`, { cause: error })
    throw error
  }
}

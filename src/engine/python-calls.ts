/**
 * Calls of Python clients, on an engine that runs JavaScript. Python functions arrive as byte code, which is ignored:
 * the helpers that ipyparallel's own client sends (to push, to pull, to map) are recognized by module and name, names
 * of the namespace are looked up, and every other function is refused.
 */

import { NDArray } from '../base/nd-array.ts'
import {
  type AnyFunction,
  type Call,
  type MaybePromise,
  type Realm,
  unpackCall,
} from '../serialize/payload.ts'
import { attribute } from '../serialize/pickle/makers.ts'
import { type Node, PythonGlobal, PythonInstance } from '../serialize/pickle/nodes.ts'
import { isPickled, type PythonCall, unpackPythonCall } from '../serialize/pickle/python-call.ts'
import type { Message } from '../transport/socket.ts'
import { wrongLanguage } from './shell-requests.ts'

/** What a helper of Python's client does here. */
type Helper = (call: PythonCall, realm: Realm) => Call

const HELPERS: ReadonlyMap<string, Helper> = new Map<string, Helper>([
  ['ipyparallel.util:_push', push],
  ['ipyparallel.util:_pull', pull],
  ['ipyparallel.client.remotefunction:<lambda>', map],
  ['ipyparallel.client.remotefunction:_map', map],
  ['ipyparallel.client.view:_broadcast_map', mapPushed],
])

/** Modules whose names may mean names of the namespace. */
const OPEN_MODULES: ReadonlySet<string> = new Set(['__main__', 'builtins'])

/**
 * The call in these buffers, a client's of ours or of Python's. Gives a promise only when a module must be imported
 * first.
 *
 * @throws RemoteProtocolError when the bytes are no call.
 * @throws WrongLanguageError for a Python function, or no call at all.
 */
export function readCall(buffers: Message, realm: Realm): MaybePromise<Call> {
  if (!(buffers[0] !== undefined && buffers[0].length > 0)) throw wrongLanguage('a call that it cannot read')
  if (!isPickled(buffers)) return unpackCall(buffers, realm)
  const call = unpackPythonCall(buffers, { lookup: name => realm.lookup(name) })
  const helper = HELPERS.get(titleOf(call.callee))
  if (helper !== undefined) return helper(call, realm)
  if (call.keywords.size > 0)
    throw new TypeError('JavaScript functions take no keyword arguments: send them as one dict')
  return { callee: functionOf(call.callee, call, realm), args: call.args.map(call.value) }
}

/** `module:name` of a function, sent by name or with its code; empty for anything else. */
function titleOf(node: Node): string {
  if (node instanceof PythonGlobal) return `${node.module}:${node.name}`
  if (!(node instanceof PythonInstance) || node.makerName !== 'ipyparallel.serialize.canning:CannedFunction')
    return ''
  return `${attribute(node, 'module')}:${attribute(node, '__name__')}`
}

/** @throws WrongLanguageError unless it is a function of the namespace. */
function functionOf(node: Node, call: PythonCall, realm: Realm): AnyFunction {
  if (node instanceof PythonGlobal && OPEN_MODULES.has(node.module)) {
    const found = lookupOrUndefined(node.name, realm)
    if (typeof found === 'function') return found as AnyFunction
  }
  const value = node instanceof PythonGlobal ? node : call.value(node)
  if (typeof value === 'function') return value as AnyFunction
  const title = titleOf(node)
  throw wrongLanguage(title === '' ? 'a Python object that is no function' : `the Python function ${title}`)
}

function lookupOrUndefined(name: string, realm: Realm): unknown {
  try {
    return realm.lookup(name)
  } catch {
    return undefined
  }
}

function operation(name: string, realm: Realm, ...args: unknown[]): Call {
  return { callee: realm.operations!.get(name)!, args, operation: name }
}

function push(call: PythonCall, realm: Realm): Call {
  const values = Object.fromEntries([...call.keywords].map(([name, node]) => [name, call.value(node)]))
  return operation('push', realm, values)
}

function pull(call: PythonCall, realm: Realm): Call {
  return operation('pull', realm, ...call.args.map(call.value))
}

function map(call: PythonCall, realm: Realm): Call {
  const [fn, ...sequences] = call.args
  const columns = sequences.map(sequence => columnOf(call.value(sequence)))
  return operation('map', realm, functionOf(fn ?? null, call, realm), columns)
}

/** The sequences were pushed before, under names that only this call knows: they are taken away again. */
function mapPushed(call: PythonCall, realm: Realm): Call {
  const [fn, ...names] = call.args
  const columns = names.map(name => columnOf(realm.lookup(String(name))))
  ;(realm.operations!.get('delete') as (names: readonly string[]) => unknown)(names.map(String))
  return operation('map', realm, functionOf(fn ?? null, call, realm), columns)
}

/** What Python iterates over, as something with a length and elements. */
function columnOf(value: unknown): ArrayLike<unknown> {
  if (value instanceof NDArray) return Array.from({ length: value.length }, (_, row) => rowOf(value, row))
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return value as unknown as ArrayLike<unknown>
  if (typeof value === 'string' || (typeof value === 'object' && value !== null && Symbol.iterator in value))
    return Array.from(value as Iterable<unknown>)
  throw new TypeError('map needs sequences to take elements from')
}

function rowOf(array: NDArray, row: number): unknown {
  return array.ndim === 1 ? array.at(row) : array.rows(row, row + 1).reshape(...array.shape.slice(1))
}

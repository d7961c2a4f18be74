/** The allow-list: Python objects that have a counterpart in JavaScript, by what makes them. */

import { NDArray } from '../../base/nd-array.ts'
import { type Node, PythonGlobal, PythonInstance, PythonTuple } from './nodes.ts'
import { isShape, nested, readArray, readScalar, sizeOf } from './numpy.ts'
import { readDate, readDatetime } from './python-dates.ts'
import type { Reviver } from './revive-python.ts'
import { unpickle } from './unpickle.ts'

/** What an object becomes; undefined where it has parts that mean nothing here: it stays a PythonObject then. */
type Maker = (node: PythonInstance, reviver: Reviver) => unknown

/** A range of more numbers than these stays a PythonObject: it is a few bytes that would fill the memory. */
const RANGE_LENGTH_MAX = 10_000_000

const CANNING = 'ipyparallel.serialize.canning'

export const makers: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ['builtins:set', collection],
  ['builtins:frozenset', collection],
  ['builtins:bytearray', bytes],
  ['builtins:bytes', bytes],
  ['_codecs:encode', bytes],
  ['builtins:complex', complex],
  ['builtins:range', range],
  ['datetime:datetime', readDatetime],
  ['datetime:date', readDate],
  ['collections:OrderedDict', mapping],
  ['collections:defaultdict', mapping],
  ['collections:Counter', counter],
  ['collections:deque', deque],
  ['numpy:ndarray', overBytes],
  ...['numpy.core', 'numpy._core'].flatMap((core): [string, Maker][] => [
    [`${core}.multiarray:_reconstruct`, reconstructed],
    [`${core}.multiarray:scalar`, scalar],
    [`${core}.numeric:_frombuffer`, fromBuffer],
  ]),
  [`${CANNING}:CannedArray`, cannedArray],
  [`${CANNING}:CannedBytes`, cannedBytes],
  [`${CANNING}:CannedMemoryView`, cannedBytes],
  [`${CANNING}:Reference`, reference],
])

/** A field of the state that Python keeps attributes in. */
export function attribute(node: PythonInstance, name: string): Node | undefined {
  const { state } = node
  if (typeof state !== 'object' || state === null || !('entries' in state)) return undefined
  return (state.entries as readonly (readonly [Node, Node])[]).findLast(([key]) => key === name)?.[1]
}

function argument(node: PythonInstance, index: number): Node | undefined {
  return node.args.items[index]
}

function collection(node: PythonInstance, reviver: Reviver): unknown {
  const items = argument(node, 0) ?? []
  return Array.isArray(items) ? new Set(items.map(reviver.value)) : undefined
}

/** As bytes, or as latin-1 text and the name of that encoding, which is how protocol 2 says bytes. */
function bytes(node: PythonInstance): unknown {
  const data = argument(node, 0)
  if (data === undefined) return Buffer.alloc(0)
  if (Buffer.isBuffer(data)) return data
  const encoding = argument(node, 1)
  return typeof data === 'string' && (encoding === 'latin-1' || encoding === 'latin1')
    ? Buffer.from(data, 'latin1')
    : undefined
}

function complex(node: PythonInstance): unknown {
  const [real, imaginary = 0] = node.args.items
  return typeof real === 'number' && typeof imaginary === 'number'
    ? new NDArray(Float64Array.of(real, imaginary), [], { dtype: 'complex128' })
    : undefined
}

function range(node: PythonInstance): unknown {
  const bounds = node.args.items
  if (bounds.length === 0 || !bounds.every(bound => typeof bound === 'number')) return undefined
  const numbers = bounds as readonly number[]
  const [start, end, step = 1] = numbers.length === 1 ? [0, numbers[0]!] : numbers
  const length = Math.max(0, Math.ceil((end! - start!) / step))
  return length <= RANGE_LENGTH_MAX ? Array.from({ length }, (_, i) => start! + i * step) : undefined
}

function mapping(node: PythonInstance, reviver: Reviver): unknown {
  const [given] = node.args.items
  // Protocol 0 and 1 give an OrderedDict its pairs as an argument.
  const pairs = Array.isArray(given) ? given.map(pairOf) : []
  return pairs.includes(undefined)
    ? undefined
    : reviver.entries(node, [...(pairs as [Node, Node][]), ...node.entries])
}

function pairOf(pair: Node): readonly [Node, Node] | undefined {
  const items = pair instanceof PythonTuple ? pair.items : Array.isArray(pair) ? pair : []
  return items.length === 2 ? [items[0]!, items[1]!] : undefined
}

function counter(node: PythonInstance, reviver: Reviver): unknown {
  const counts = argument(node, 0)
  return counts === undefined ? {} : reviver.value(counts)
}

function deque(node: PythonInstance, reviver: Reviver): unknown {
  const given = argument(node, 0)
  return [...(Array.isArray(given) ? given : []), ...node.items].map(reviver.value)
}

/** `numpy.dtype('f8', False, True)` with the state `(3, '<', None, None, None, -1, -1, 0)` as text: `<f8`. */
function dtypeText(node: Node | undefined): string | undefined {
  if (typeof node === 'string') return node
  if (!(node instanceof PythonInstance) || node.makerName !== 'numpy:dtype') return undefined
  const kind = argument(node, 0)
  const state = node.state
  if (typeof kind !== 'string' || !(state instanceof PythonTuple)) return undefined
  const [, order, , fieldNames] = state.items
  // Times carry a unit in their state, which the text does not tell.
  if (typeof order !== 'string' || fieldNames !== null || /^[mM]/.test(kind)) return undefined
  return `${order}${kind}`
}

function shapeOf(node: Node | undefined): readonly number[] | undefined {
  const items = node instanceof PythonTuple ? node.items : node
  return Array.isArray(items) && isShape(items) ? items : undefined
}

/** An empty array that gets its shape, type and bytes as its state. */
function reconstructed(node: PythonInstance, reviver: Reviver): unknown {
  const [kind] = node.args.items
  if (!(kind instanceof PythonGlobal) || kind.module !== 'numpy' || kind.name !== 'ndarray') return undefined
  if (!(node.state instanceof PythonTuple)) return undefined
  const [, shapeNode, dtype, isFortran, data] = node.state.items
  const shape = shapeOf(shapeNode)
  const type = dtypeText(dtype)
  if (shape === undefined || type === undefined) return undefined
  if (Array.isArray(data)) return objects(data, shape, isFortran === true, reviver)
  return Buffer.isBuffer(data) ? readArray({ type, shape, data, isFortran: isFortran === true }) : undefined
}

/** An array of Python objects: nested arrays of what they are. */
function objects(
  data: readonly Node[],
  shape: readonly number[],
  isFortran: boolean,
  reviver: Reviver,
): unknown {
  if (data.length !== sizeOf(shape) || (isFortran && shape.length > 1)) return undefined
  return nested(data.map(reviver.value), shape)
}

/** As our own pickles have it: an array of this shape and type over these bytes. */
function overBytes(node: PythonInstance, reviver: Reviver): unknown {
  const [shapeNode, type, dataNode] = node.args.items
  const shape = shapeOf(shapeNode)
  const data = reviver.value(dataNode ?? null)
  if (!Buffer.isBuffer(data) || shape === undefined || typeof type !== 'string') return undefined
  return readArray({ type, shape, data })
}

function fromBuffer(node: PythonInstance): unknown {
  const [data, dtype, shapeNode, order] = node.args.items
  const shape = shapeOf(shapeNode)
  const type = dtypeText(dtype)
  if (!Buffer.isBuffer(data) || shape === undefined || type === undefined) return undefined
  return readArray({ type, shape, data, isFortran: order === 'F' })
}

function scalar(node: PythonInstance): unknown {
  const [dtype, data] = node.args.items
  const type = dtypeText(dtype)
  return type !== undefined && Buffer.isBuffer(data) ? readScalar(type, data) : undefined
}

/** ipyparallel's own way to send arrays: the bytes beside the pickle, or a pickle within the pickle. */
function cannedArray(node: PythonInstance, reviver: Reviver): unknown {
  const shape = shapeOf(attribute(node, 'shape'))
  const type = attribute(node, 'dtype')
  const [data] = buffersOf(node)
  if (!Buffer.isBuffer(data) || shape === undefined) return undefined
  if (attribute(node, 'pickled') === true) return reviver.value(unpickle(data))
  return typeof type === 'string' ? readArray({ type, shape, data }) : undefined
}

function cannedBytes(node: PythonInstance): unknown {
  const [data] = buffersOf(node)
  return Buffer.isBuffer(data) ? data : undefined
}

/** What is carried beside the object; None where it travels in a frame of its own. */
export function buffersOf(node: PythonInstance): Node[] {
  const buffers = attribute(node, 'buffers')
  if (Array.isArray(buffers)) return buffers
  return buffers instanceof PythonTuple ? [...buffers.items] : []
}

function reference(node: PythonInstance, reviver: Reviver): unknown {
  const name = attribute(node, 'name')
  return typeof name === 'string' && name !== '' ? reviver.reference(name) : undefined
}

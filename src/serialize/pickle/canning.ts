/**
 * Objects as ipyparallel sends them: a pickle, and large data in frames of their own behind it.
 *
 * Source: ipyparallel's serialize/serialize.py and canning.py.
 */

import type { Message } from '../../transport/socket.ts'
import { compareKeys } from './key-order.ts'
import { attribute, buffersOf } from './makers.ts'
import { type Node, PythonDict, PythonInstance, PythonSet, PythonTuple } from './nodes.ts'
import { malformedPickle } from './pickle-bytes.ts'
import { SEARCHED_ITEMS_END } from './pickler.ts'
import { unpickle } from './unpickle.ts'

/** Takes the objects of a message from its frames, one after the other. */
export class ObjectReader {
  readonly #frames: Message
  #at: number

  constructor(frames: Message, at = 0) {
    this.#frames = frames
    this.#at = at
  }

  /** Index of the first frame that was not taken. */
  get position(): number {
    return this.#at
  }

  /** The next object, with its data put back where they belong. */
  object(): Node {
    const node = unpickle(this.#frame())
    for (const holder of holders(node)) this.#restore(holder)
    return node
  }

  #restore(holder: Node): void {
    if (!(holder instanceof PythonInstance) || !holder.makerName.startsWith('ipyparallel.serialize.canning:'))
      return
    const buffers = buffersOf(holder)
    if (!buffers.includes(null)) return
    const restored = buffers.map(buffer => (buffer === null ? this.#frame() : buffer))
    const state = holder.state as PythonDict
    const given = attribute(holder, 'buffers')
    if (Array.isArray(given)) given.splice(0, given.length, ...restored)
    else state.entries.push(['buffers', restored])
  }

  #frame(): Buffer {
    const frame = this.#frames[this.#at++]
    if (frame === undefined) throw malformedPickle('a frame that belongs to it did not come')
    return Buffer.from(frame.buffer, frame.byteOffset, frame.length)
  }
}

/** Where ipyparallel looks for data that travel in frames, in the order in which the frames come. */
function holders(node: Node): readonly Node[] {
  if (Array.isArray(node)) return node.length < SEARCHED_ITEMS_END ? node : []
  if (node instanceof PythonTuple || node instanceof PythonSet)
    return node.items.length < SEARCHED_ITEMS_END ? node.items : []
  if (!(node instanceof PythonDict)) return [node]
  if (node.entries.length >= SEARCHED_ITEMS_END) return []
  return [...node.entries].sort(([a], [b]) => compareKeys(a, b)).map(([, value]) => value)
}

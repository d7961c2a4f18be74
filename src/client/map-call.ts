import { type AnyFunction, Operation, packCall } from '../serialize/payload.ts'
import type { Message } from '../transport/socket.ts'
import { type Columns, compact } from './columns.ts'

const MAP = new Operation('map')

/**
 * The buffers of one piece of a map.
 *
 * @param goesOn - run the elements after one that failed as well.
 * @throws SerializationError when the function or an element cannot travel.
 */
export function packMapCall(fn: AnyFunction, columns: Columns, goesOn: boolean): Message {
  const args = [fn, columns.map(compact)]
  return packCall(MAP, goesOn ? [...args, true] : args)
}

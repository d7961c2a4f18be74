import { type AnyFunction, Operation, packCall } from '../serialize/payload.ts'
import type { Message } from '../transport/socket.ts'
import { type Columns, compact } from './columns.ts'
import { decodePythonMap, packPythonMap } from './python-map.ts'
import type { Decode } from './request-record.ts'
import { decodeValue } from './view.ts'

const MAP = new Operation('map')

/**
 * The buffers of one piece of a map.
 *
 * @param language - of the engine that gets it.
 * @param goesOn - run the elements after one that failed as well.
 * @throws SerializationError when the function or an element cannot travel.
 */
export function packMapCall(language: string, fn: AnyFunction, columns: Columns, goesOn: boolean): Message {
  if (language !== 'javascript') return packPythonMap(fn, columns, goesOn)
  const args = [fn, columns.map(compact)]
  return packCall(MAP, goesOn ? [...args, true] : args)
}

/** How the reply to one is read. */
export function mapDecoder(language: string, goesOn: boolean): Decode {
  return language !== 'javascript' && goesOn ? decodePythonMap : decodeValue
}

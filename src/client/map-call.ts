import { type AnyFunction, Operation, packCall } from '../serialize/payload.ts'
import type { Message } from '../transport/socket.ts'
import { type Columns, compact } from './columns.ts'
import { decodeSettled, mapSettled } from './map-settled.ts'
import type { Decode } from './request-record.ts'
import { decodeValue } from './view.ts'

const MAP = new Operation('map')

/** One message of a map: what is called on the engine, and how its reply is read. */
export interface MapCall {
  readonly buffers: Message
  readonly decode: Decode
}

/** @throws SerializationError when the function or an element cannot travel. */
export function mapCall(fn: AnyFunction, columns: Columns, returnExceptions: boolean): MapCall {
  const args = [fn, columns.map(compact)]
  return returnExceptions
    ? { buffers: packCall(mapSettled, args), decode: decodeSettled }
    : { buffers: packCall(MAP, args), decode: decodeValue }
}

import { packValue } from '../serialize/payload.ts'
import { packPythonValue } from '../serialize/pickle/python-call.ts'
import type { Frame } from '../transport/socket.ts'
import { MappedValues } from './map-columns.ts'

/** In the language of whoever asked. @throws SerializationError; ElementFailure for elements of a map. */
export function packResult(value: unknown, isPython: boolean): Frame[] {
  const isMap = value instanceof MappedValues
  if (isPython) return packPythonValue(isMap ? value.values : value)
  return isMap ? value.pack() : packValue(value, 'result')
}

import { malformed } from './byte-reader.ts'
import { type Decoder, define } from './decoder.ts'
import { ERROR_TYPES } from './encode-error.ts'

/** Reads what `encodeError` wrote. */
export function decodeError(decoder: Decoder): Error {
  const number = decoder.reader.byte()
  const type = ERROR_TYPES[number]
  if (type === undefined) throw malformed('an error of an unknown class')
  const error: Error = type === AggregateError ? new AggregateError([]) : new (type as ErrorConstructor)()
  decoder.begin(error)
  const name = decoder.text()
  hide(error, 'message', decoder.text())
  hide(error, 'stack', decoder.text())
  if (name !== error.name) hide(error, 'name', name)
  for (const part of ['cause', 'errors']) {
    if (decoder.reader.byte() === 1) hide(error, part, decoder.value())
  }
  while (decoder.reader.byte() === 1) {
    const value = decoder.value()
    define(error, decoder.text(), value)
  }
  return error
}

/** Errors keep these where `for (key in error)` does not see them. */
function hide(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true })
}

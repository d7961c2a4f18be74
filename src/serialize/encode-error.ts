import type { Encoder } from './encoder.ts'
import { Tag } from './tags.ts'

/** Error classes of the language, by their number on the wire. */
export const ERROR_TYPES = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
] as const

/** Properties that are written in places of their own. */
const OWN_PLACES: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause', 'errors'])

/**
 * Writes an error: its class of the language, name, message, stack, cause, parts, then each own property that can
 * travel. An error often drags along the socket or request it is about; that must not hide the error.
 */
export function encodeError(encoder: Encoder, error: Error): void {
  const { out } = encoder
  out.byte(Tag.error)
  out.byte(typeOf(error))
  encoder.value(textOf(error, 'name'))
  encoder.value(textOf(error, 'message'))
  encoder.value(textOf(error, 'stack'))
  for (const part of ['cause', 'errors']) {
    if (!Object.hasOwn(error, part) || !encoder.attempt(() => encodePart(encoder, error, part))) out.byte(0)
  }
  for (const key of Object.keys(error)) {
    if (OWN_PLACES.has(key)) continue
    encoder.attempt(() => {
      encodePart(encoder, error, key)
      encoder.text(key)
    })
  }
  out.byte(0)
}

function encodePart(encoder: Encoder, error: Error, key: string): void {
  encoder.path.enter(key)
  encoder.out.byte(1)
  let value: unknown
  try {
    value = Reflect.get(error, key)
  } catch (cause) {
    throw encoder.path.refuse('reading it throws', 'Leave it out', cause)
  }
  encoder.value(value)
  encoder.path.leave()
}

function textOf(error: Error, key: 'name' | 'message' | 'stack'): string {
  try {
    const value: unknown = error[key]
    return typeof value === 'string' ? value : ''
  } catch {
    return ''
  }
}

function typeOf(error: Error): number {
  for (let each: object | null = error; each !== null; each = Object.getPrototypeOf(each)) {
    const maker: unknown = Object.getOwnPropertyDescriptor(each, 'constructor')?.value
    if (typeof maker !== 'function') continue
    const type = ERROR_TYPES.findIndex(type => type.name === maker.name)
    if (type !== -1) return type
  }
  return 0
}

import type { RemoteError } from '../errors.ts'
import type { Reference } from '../serialize/payload.ts'

/** Arguments of a call on an engine: each may also be a Reference to the engine's own variable. */
export type RemoteArguments<Args extends readonly unknown[]> = {
  [Index in keyof Args]: Args[Index] | Reference
}

/** What `map` takes for the parameters of its function: one iterable for each. */
export type MapInputs<Args extends readonly unknown[]> = {
  [Index in keyof Args]: Iterable<Args[Index]> | AsyncIterable<Args[Index]>
}

/** As MapInputs, where all of the input must be there at once. */
export type SyncMapInputs<Args extends readonly unknown[]> = {
  [Index in keyof Args]: Iterable<Args[Index]>
}

/** What stands in a map's results in the place of values, besides what did before: errors, where they are asked for. */
export type InPlaceWith<Asked extends boolean | undefined, Before> = Asked extends undefined
  ? Before
  : Asked extends true
    ? RemoteError
    : never

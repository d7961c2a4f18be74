import type { RemoteError } from '../errors.ts'
import type { Reference } from '../serialize/payload.ts'

/** Arguments of a call on an engine: each, and whatever is inside, may be a Reference to the engine's own variable. */
export type RemoteArguments<Args extends readonly unknown[]> = {
  [Index in keyof Args]: Args[Index] | Reference | WithReferences<Args[Index]>
}

/** A plain object or array of type `T`, with References in the places of some of what it holds. */
export type WithReferences<T> = T extends Plain
  ? { [Key in keyof T]: T[Key] | Reference | WithReferences<T[Key]> }
  : never

/** What is looked into for References. */
type Plain = readonly unknown[] | { readonly [key: string]: unknown }

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

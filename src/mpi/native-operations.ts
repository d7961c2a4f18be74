import type { TypedArray } from '../base/typed-array.ts'
import { UsageError } from '../errors.ts'
import type { DatatypeName, Handle } from './abi.ts'
import type { Segment } from './buffers.ts'
import type { Native } from './native.ts'
import type { Op } from './op.ts'

/** An operation and its elements, as the library takes them. */
export interface NativeReduction {
  readonly operation: Handle
  readonly datatype: Handle
  /** Elements of the buffer that one element of the operation takes: two where it works on pairs. */
  readonly step: 1 | 2
}

/**
 * Operations as handles of the library. Those of the user become C functions that call back into JavaScript, once a
 * block of elements, while the collective runs.
 */
export class NativeOperations {
  readonly #native: Native
  /** By operation, then by type of the elements: the functions are told addresses only. */
  readonly #handles = new Map<Op, Map<DatatypeName, Handle>>()
  /** Datatypes of two elements in a row, by that of one. */
  readonly #pairs = new Map<Handle, Handle>()
  /** What an operation of the user's threw: no error can pass through the library. */
  #thrown: { readonly error: unknown } | undefined

  constructor(native: Native) {
    this.#native = native
  }

  /**
   * What `op` on such elements is to the library.
   *
   * @throws UsageError for pairs in an array of odd length.
   */
  reduction(op: Op, segment: Segment): NativeReduction {
    const { operations } = this.#native.abi
    const { datatype } = segment
    if (op.predefined !== undefined) return { operation: operations[op.predefined], datatype, step: 1 }
    if (!op.isOnPairs) return { operation: this.#handleOf(op, segment), datatype, step: 1 }
    if (segment.count % 2 !== 0 || segment.width !== 1)
      throw new UsageError(
        `${op.name} works on pairs of a value and an index, and the buffer has ${segment.count} elements of type ${segment.kind}`,
      )
    return { operation: this.#handleOf(op, segment), datatype: this.#pairOf(datatype), step: 2 }
  }

  /** After a reduction has ended. @throws what an operation of the user's threw meanwhile. */
  throwIfFailed(): void {
    const thrown = this.#thrown
    this.#thrown = undefined
    if (thrown !== undefined) throw thrown.error
  }

  /** Before the library ends: it counts what was made and not freed. */
  free(): void {
    const native = this.#native
    for (const byKind of this.#handles.values())
      for (const handle of byKind.values()) native.call('MPI_Op_free', native.cell(handle))
    for (const pair of this.#pairs.values()) native.call('MPI_Type_free', native.cell(pair))
  }

  #handleOf(op: Op, segment: Segment): Handle {
    const byKind = this.#handles.get(op) ?? new Map<DatatypeName, Handle>()
    this.#handles.set(op, byKind)
    let handle = byKind.get(segment.kind)
    if (handle === undefined) {
      const address = this.#native.library.operationCallback(this.#combiner(op, segment))
      handle = this.#native.handle('MPI_Op_create', address, op.isCommutative ? 1 : 0)
      byKind.set(segment.kind, handle)
    }
    return handle
  }

  #pairOf(datatype: Handle): Handle {
    let pair = this.#pairs.get(datatype)
    if (pair === undefined) {
      pair = this.#native.handle('MPI_Type_contiguous', 2, datatype)
      this.#native.call('MPI_Type_commit', this.#native.cell(pair))
      this.#pairs.set(datatype, pair)
    }
    return pair
  }

  /** `inout[i] = op(input[i], inout[i])`, as the standard has it. */
  #combiner(op: Op, { data, width }: Segment): (input: unknown, inout: unknown, count: number) => void {
    const kind = data.constructor as new (buffer: ArrayBuffer) => TypedArray
    const Elements = data instanceof Buffer ? Uint8Array : kind
    const step = op.isOnPairs ? 2 : width
    const bytesEach = step * data.BYTES_PER_ELEMENT
    const combine = op.combine as (a: unknown, b: unknown) => unknown
    return (input, inout, count) => {
      const left = new Elements(this.#native.library.view(input, count * bytesEach))
      const right = new Elements(this.#native.library.view(inout, count * bytesEach))
      try {
        for (let at = 0; at < count * step; at += step) {
          if (step === 1) right[at] = combine(left[at], right[at]) as never
          else right.set(combine([left[at], left[at + 1]], [right[at], right[at + 1]]) as never, at)
        }
      } catch (error) {
        this.#thrown ??= { error }
      }
    }
  }
}

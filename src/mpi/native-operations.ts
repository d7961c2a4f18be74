import type { TypedArray } from '../base/typed-array.ts'
import { UsageError } from '../errors.ts'
import type { Handle } from './abi.ts'
import type { Segment } from './buffers.ts'
import type { Native } from './native.ts'
import type { Op } from './op.ts'

/** An operation and its elements, as the library takes them. */
export interface NativeReduction {
  readonly operation: Handle
  readonly datatype: Handle
  readonly count: number
}

/**
 * Operations as handles of the library. Those of the user become C functions that call back into JavaScript, once a
 * block of elements, while the collective runs.
 */
export class NativeOperations {
  readonly #native: Native
  readonly #handles = new Map<Op, Handle>()
  /** Datatypes of two elements in a row, by that of one. */
  readonly #pairs = new Map<Handle, Handle>()
  /** What the collective that runs now combines: callbacks are told addresses only. */
  #current: Segment | undefined

  constructor(native: Native) {
    this.#native = native
  }

  /**
   * Runs a collective with what `op` is to the library.
   *
   * @throws UsageError for pairs in an array of odd length.
   */
  with(op: Op, segment: Segment, run: (reduction: NativeReduction) => void): void {
    const { abi } = this.#native
    if (op.predefined !== undefined) {
      run({ operation: abi.operations[op.predefined], datatype: segment.datatype, count: segment.count })
      return
    }
    if (op.isOnPairs && segment.data.length % 2 !== 0)
      throw new UsageError(
        `${op.name} works on pairs of a value and an index, and the buffer has an odd length`,
      )
    const outer = this.#current
    this.#current = segment
    try {
      const operation = this.#handleOf(op)
      if (op.isOnPairs)
        run({ operation, datatype: this.#pairOf(segment.datatype), count: segment.data.length / 2 })
      else run({ operation, datatype: segment.datatype, count: segment.count })
    } finally {
      this.#current = outer
    }
  }

  /** Before the library ends: it counts what was made and not freed. */
  free(): void {
    for (const handle of this.#handles.values()) this.#native.call('MPI_Op_free', this.#native.cell(handle))
    for (const pair of this.#pairs.values()) this.#native.call('MPI_Type_free', this.#native.cell(pair))
  }

  #handleOf(op: Op): Handle {
    let handle = this.#handles.get(op)
    if (handle === undefined) {
      const address = this.#native.library.operationCallback((input, inout, count) => {
        this.#combine(op, input, inout, count)
      })
      handle = this.#native.handle('MPI_Op_create', address, op.isCommutative ? 1 : 0)
      this.#handles.set(op, handle)
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
  #combine(op: Op, input: unknown, inout: unknown, count: number): void {
    const { data, width } = this.#current!
    const step = op.isOnPairs ? 2 : width
    const kind = data.constructor as new (buffer: ArrayBuffer) => TypedArray
    const bytes = count * step * data.BYTES_PER_ELEMENT
    const left = new kind(this.#native.library.view(input, bytes))
    const right = new kind(this.#native.library.view(inout, bytes))
    const combine = op.combine as (a: unknown, b: unknown) => unknown
    for (let at = 0; at < count * step; at += step) {
      if (step === 1) right[at] = combine(left[at], right[at]) as never
      else right.set(combine([left[at], left[at + 1]], [right[at], right[at + 1]]) as never, at)
    }
  }
}

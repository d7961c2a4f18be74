import { NDArray } from '../base/nd-array.ts'
import { UsageError } from '../errors.ts'
import type { OperationName } from './abi.ts'

/** Combines two elements. Operations must be associative. */
export type Combine = (a: never, b: never) => unknown

/**
 * An operation of `reduce`, `allreduce`, `scan` …: predefined (`MPI.SUM`), or of your own.
 *
 * @example
 * const hypotenuse = Op.create((a: number, b: number) => Math.hypot(a, b))
 * MPI.COMM_WORLD.allreduce(3, hypotenuse)
 */
export class Op {
  /** `SUM`, or the name of the function that it was made of. */
  readonly name: string
  /** What it does with two elements. */
  readonly combine: Combine
  /** Set where the library knows it. */
  readonly predefined: OperationName | undefined
  /** Whether the order of ranks may be changed. */
  readonly isCommutative: boolean
  /** It works on pairs of a value and an index. */
  readonly isOnPairs: boolean

  private constructor(
    name: string,
    combine: Combine,
    options: { predefined?: OperationName; isCommutative?: boolean; isOnPairs?: boolean } = {},
  ) {
    this.name = name
    this.combine = combine
    this.predefined = options.predefined
    this.isCommutative = options.isCommutative ?? true
    this.isOnPairs = options.isOnPairs ?? false
  }

  /**
   * An operation of your own: an associative function of two elements, called for each pair of them.
   *
   * @param commute - whether `combine(a, b)` equals `combine(b, a)`; then the order of ranks may be changed. Default false.
   */
  static create<Element>(
    combine: (a: Element, b: Element) => Element,
    { commute = false }: { readonly commute?: boolean } = {},
  ): Op {
    if (typeof combine !== 'function') throw new UsageError('an operation is a function of two elements')
    return new Op(combine.name || 'anonymous', combine as Combine, { isCommutative: commute })
  }

  /** For the predefined ones. */
  static predefine(name: OperationName, combine: (a: never, b: never) => unknown): Op {
    return new Op(name, combine, { predefined: name })
  }

  /** For MINLOC and MAXLOC. */
  static onPairs(name: string, combine: (a: Pair, b: Pair) => Pair): Op {
    return new Op(name, combine as unknown as Combine, { isOnPairs: true })
  }

  /**
   * Combines two values: arrays of one length element by element, everything else as it is.
   *
   * @throws UsageError for arrays of different lengths.
   */
  apply(a: unknown, b: unknown): unknown {
    const combine = this.combine as (a: unknown, b: unknown) => unknown
    if (this.isOnPairs || !isList(a) || !isList(b)) return combine(a, b)
    if (a instanceof NDArray && b instanceof NDArray)
      return new NDArray(this.apply(a.data, b.data) as NDArray['data'], a.shape, { dtype: a.dtype })
    const left = a as ArrayLike<unknown>
    const right = b as ArrayLike<unknown>
    if (left.length !== right.length)
      throw new UsageError(`${this.name} of arrays with ${left.length} and ${right.length} elements`)
    const kind = a.constructor as ArrayConstructor
    return kind.from(left, (element, i) => combine(element, right[i]))
  }
}

/** A value and where it was found. */
export type Pair = readonly [value: number, index: number]

function isList(value: unknown): value is object {
  return (
    Array.isArray(value) ||
    value instanceof NDArray ||
    (ArrayBuffer.isView(value) && !(value instanceof DataView))
  )
}

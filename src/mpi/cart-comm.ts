import { UsageError } from '../errors.ts'
import { Comm } from './comm.ts'
import type { Context } from './context.ts'

/** How the processes of a grid are arranged. */
export interface CartOptions {
  /** For each dimension, whether its ends are neighbours. Default: none is. */
  readonly periods?: readonly boolean[]
  /** Ranks may be given anew, to fit the machine. Default false. */
  readonly reorder?: boolean
}

/** Ranks of two neighbours, or `MPI.PROC_NULL` beyond an edge: sending there, and receiving from there, does nothing. */
export interface Neighbours {
  /** Whose messages come from there. */
  readonly source: number
  /** To whom messages go. */
  readonly destination: number
}

/**
 * Processes in a grid.
 *
 * @example
 * const grid = MPI.COMM_WORLD.cart([2, 2], { periods: [true, false] })
 * const neighbours = grid?.shift(0)          // undefined on processes that are left over
 */
export class CartComm extends Comm {
  /** How many processes there are along each dimension. */
  readonly dims: readonly number[]
  /** For each dimension, whether its ends are neighbours. */
  readonly periods: readonly boolean[]

  /** Made by `MPI.COMM_WORLD.cart`. */
  constructor(context: Context, dims: readonly number[], periods: readonly boolean[]) {
    super(context)
    this.dims = dims
    this.periods = periods
  }

  /** Where a rank (default: this one) stands in the grid. */
  coordinatesOf(rank = this.rank): number[] {
    const coordinates = new Int32Array(this.dims.length)
    this.context.native.call('MPI_Cart_coords', this.context.comm, rank, coordinates.length, coordinates)
    return [...coordinates]
  }

  /** The rank at a place of the grid. */
  rankAt(coordinates: readonly number[]): number {
    if (coordinates.length !== this.dims.length)
      throw new UsageError(`a grid of ${this.dims.length} dimensions needs as many coordinates`)
    return this.context.native.int('MPI_Cart_rank', this.context.comm, Int32Array.from(coordinates))
  }

  /** The neighbours at a distance along a dimension: from which one would receive, and to which send. */
  shift(dimension: number, distance = 1): Neighbours {
    const source = new Int32Array(1)
    const destination = this.context.native.int(
      'MPI_Cart_shift',
      this.context.comm,
      dimension,
      distance,
      source,
    )
    return { source: source[0]!, destination }
  }

  /** The part of the grid that this process is in when only some dimensions are kept. Collective. */
  sub(keep: readonly boolean[]): CartComm {
    const { native, gate, comm } = this.context
    gate.pass('sub')
    const made = native.handle('MPI_Cart_sub', comm, Int32Array.from(keep, Number))
    const kept = <Value>(list: readonly Value[]) => list.filter((_, i) => keep[i] === true)
    return new CartComm(this.derive(made), kept(this.dims), kept(this.periods))
  }
}

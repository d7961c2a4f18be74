import { inspect } from 'node:util'
import { UsageError } from '../errors.ts'
import { BackgroundCalls } from './background-calls.ts'
import { together } from './collective-call.ts'
import { type Context, newContext } from './context.ts'
import { checkRank } from './point-to-point.ts'

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
 * A group of processes that talk to one another. Methods with a capital first letter move typed arrays and NDArrays
 * without a copy, as they are; those with a small one move any value, serialized: the two forms of mpi4py. A
 * message must be received by the form by which it was sent.
 *
 * All methods block but those that begin with `i` or `I`. A method throws UsageError for arguments that cannot be meant,
 * and MPIError when the library reports an error, when the ranks call different things, and when a rank that it
 * waits for has failed.
 *
 * @example
 * const total = new Float64Array(1)
 * MPI.COMM_WORLD.Allreduce(Float64Array.of(MPI.COMM_WORLD.rank), total, MPI.SUM)
 * const names = MPI.COMM_WORLD.allgather(MPI.processorName)
 *
 * Source: MPI: A Message-Passing Interface Standard, version 3.1.
 */
export class Comm extends BackgroundCalls {
  readonly #isGiven: boolean

  /**
   * Made by the library: see `MPI.COMM_WORLD`, `split`, `dup` and `cart`.
   *
   * @param isGiven - it was there from the beginning, and stays.
   */
  constructor(context: Context, isGiven = false) {
    super(context)
    this.#isGiven = isGiven
  }

  /** Another communicator of the same processes. Collective. */
  dup(): Comm {
    const { native, comm } = this.context
    return together(this.context, 'dup', () => new Comm(this.derive(native.handle('MPI_Comm_dup', comm))))
  }

  /**
   * Divides the processes: those that give one colour become a communicator, in the order of their keys. Collective.
   *
   * @param color - a whole number from 0, or undefined: none for this process.
   * @param key - a whole number. Default: the rank.
   * @returns undefined where no colour was given.
   */
  split(color: number | undefined, key = this.rank): Comm | undefined {
    const { native, comm } = this.context
    if (color !== undefined && !(Number.isInteger(color) && color >= 0))
      throw new UsageError(`a colour is a whole number from 0, or undefined for none, not ${color}`)
    return together(this.context, 'split', () => {
      const made = native.handle('MPI_Comm_split', comm, color ?? native.abi.undefined, key)
      return color === undefined ? undefined : new Comm(this.derive(made))
    })
  }

  /** Those of the processes that run on this one's host, and so could share memory: its rank there tells them apart. Collective. */
  splitByHost(): Comm {
    const { native, comm, rank } = this.context
    const { commTypeShared, infoNull } = native.abi
    return together(this.context, 'splitByHost', () => {
      const made = native.handle('MPI_Comm_split_type', comm, commTypeShared, rank, infoNull)
      return new Comm(this.derive(made))
    })
  }

  /**
   * Arranges the processes in a grid. Collective.
   *
   * @param dims - how many processes there are along each dimension; their product is at most the size. See `MPI.dims`.
   * @returns undefined on processes that are left over.
   */
  cart(dims: readonly number[], options: CartOptions = {}): CartComm | undefined {
    const { native, comm } = this.context
    const periods = options.periods ?? dims.map(() => false)
    if (periods.length !== dims.length)
      throw new UsageError(`a grid of ${dims.length} dimensions needs as many periods, not ${periods.length}`)
    const places = dims.reduce((product, length) => product * length, 1)
    if (!dims.every(length => Number.isInteger(length) && length > 0) || places > this.size)
      throw new UsageError(`a grid of ${dims.join(' × ')} places cannot be made of ${this.size} processes`)
    const reorder = options.reorder === true ? 1 : 0
    const [sizes, ends] = [Int32Array.from(dims), Int32Array.from(periods, Number)]
    return together(this.context, `cart ${dims.join(' × ')}`, () => {
      const made = native.handle('MPI_Cart_create', comm, dims.length, sizes, ends, reorder)
      return made === native.abi.commNull ? undefined : new CartComm(this.derive(made), dims, periods)
    })
  }

  /** Lets go of a communicator that was made by `split`, `dup`, `cart` or `sub`: the library has only so many. Collective. */
  free(): void {
    const { native, gate, comm } = this.context
    if (this.#isGiven)
      throw new UsageError('COMM_WORLD and COMM_SELF last as long as the program: only others are freed')
    together(this.context, 'free', () => {
      this.close()
      native.call('MPI_Comm_free', native.cell(comm))
      gate.free()
    })
  }

  /** Ends all processes of the cluster or program at once. @param exitCode - that of mpiexec, as a rule. */
  abort(exitCode = 1): void {
    this.context.native.call('MPI_Abort', this.context.comm, exitCode)
  }

  override toString(): string {
    return `<${this.constructor.name} rank ${this.rank} of ${this.size}>`
  }

  [inspect.custom](): string {
    return this.toString()
  }

  /** The context of a communicator that was made from this one. Collective among its members. */
  protected derive(comm: number): Context {
    return newContext(this.context, comm)
  }
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

  /** Made by `cart`. */
  constructor(context: Context, dims: readonly number[], periods: readonly boolean[]) {
    super(context)
    this.dims = dims
    this.periods = periods
  }

  /** Where a rank (default: this one) stands in the grid. */
  coordinatesOf(rank = this.rank): number[] {
    const { native, comm } = this.context
    const coordinates = new Int32Array(this.dims.length)
    native.call('MPI_Cart_coords', comm, checkRank(this.context, rank), coordinates.length, coordinates)
    return [...coordinates]
  }

  /** The rank at a place of the grid; beyond an end whose neighbour is the other, the place from there. */
  rankAt(coordinates: readonly number[]): number {
    const { native, comm } = this.context
    if (coordinates.length !== this.dims.length)
      throw new UsageError(`a grid of ${this.dims.length} dimensions needs as many coordinates`)
    const isThere = (at: number, i: number) =>
      Number.isInteger(at) && (this.periods[i] === true || (at >= 0 && at < this.dims[i]!))
    if (!coordinates.every(isThere))
      throw new UsageError(
        `there is no place (${coordinates.join(', ')}) in a grid of ${this.dims.join(' × ')}`,
      )
    return native.int('MPI_Cart_rank', comm, Int32Array.from(coordinates))
  }

  /** The neighbours at a distance along a dimension: from which one would receive, and to which send. */
  shift(dimension: number, distance = 1): Neighbours {
    const { native, comm } = this.context
    const source = new Int32Array(1)
    const destination = native.int('MPI_Cart_shift', comm, dimension, distance, source)
    return { source: source[0]!, destination }
  }

  /** The part of the grid that this process is in when only some dimensions are kept. Collective. */
  sub(keep: readonly boolean[]): CartComm {
    const { native, comm } = this.context
    if (keep.length !== this.dims.length)
      throw new UsageError(`a grid of ${this.dims.length} dimensions is told of each whether to keep it`)
    const kept = <Value>(list: readonly Value[]) => list.filter((_, i) => keep[i] === true)
    return together(this.context, 'sub', () => {
      const made = native.handle('MPI_Cart_sub', comm, Int32Array.from(keep, Number))
      return new CartComm(this.derive(made), kept(this.dims), kept(this.periods))
    })
  }
}

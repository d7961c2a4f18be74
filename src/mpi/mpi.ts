import { writeSync } from 'node:fs'
import process from 'node:process'
import { inspect } from 'node:util'
import { UsageError } from '../errors.ts'
import { CartComm, type CartOptions } from './cart-comm.ts'
import { IN_PLACE } from './collectives.ts'
import { Comm } from './comm.ts'
import { type Context, newContext, type Runtime } from './context.ts'
import { Failures } from './failures.ts'
import { areCoresShared } from './library.ts'
import { Native } from './native.ts'
import { NativeOperations } from './native-operations.ts'
import { Op } from './op.ts'
import { PREDEFINED } from './operations.ts'
import { Progress } from './progress.ts'
import { Status } from './status.ts'

/** User code runs on one thread. */
const THREAD_FUNNELED = 1

const LAST_WORDS_MS = 100
const STDERR = 2

interface Started {
  readonly runtime: Runtime
  readonly world: World
  readonly self: Comm
}

/** The communicator of all processes, which also makes grids of them. */
export class World extends Comm {
  /**
   * Arranges the processes in a grid. Collective.
   *
   * @param dims - how many processes there are along each dimension; their product is at most the size.
   * @returns undefined on processes that are left over.
   */
  cart(dims: readonly number[], options: CartOptions = {}): CartComm | undefined {
    const { native, gate, comm } = this.context
    const periods = options.periods ?? dims.map(() => false)
    if (periods.length !== dims.length)
      throw new UsageError(`a grid of ${dims.length} dimensions needs as many periods, not ${periods.length}`)
    gate.pass(`cart ${dims.join(' × ')}`)
    const reorder = options.reorder === true ? 1 : 0
    const [sizes, ends] = [Int32Array.from(dims), Int32Array.from(periods, Number)]
    const made = native.handle('MPI_Cart_create', comm, dims.length, sizes, ends, reorder)
    return made === native.abi.commNull ? undefined : new CartComm(this.derive(made), dims, periods)
  }

  /** For `announceFailure`. */
  get ownContext(): Context {
    return this.context
  }
}

/** Where all copies of this package in a process find what the first of them started: the library starts only once. */
const STARTED = Symbol.for('itsparallel.mpi')
const shared = globalThis as { [STARTED]?: Started }
/** What ends this process, if anything that was thrown does. */
let uncaught: unknown

/** The library is loaded, and this process joins the others, at the first use of anything. */
function start(): Started {
  shared[STARTED] ??= initialize(new Native())
  return shared[STARTED]
}

function initialize(native: Native): Started {
  const operations = new NativeOperations(native)
  if (native.int('MPI_Initialized') === 0) {
    native.int('MPI_Init_thread', null, null, THREAD_FUNNELED)
    process.on('uncaughtExceptionMonitor', error => {
      uncaught = error
    })
    process.once('exit', code => finalize(native, operations, code))
  }
  const { commWorld, commSelf, errorsReturn } = native.abi
  native.call('MPI_Comm_set_errhandler', commWorld, errorsReturn)
  const rank = native.int('MPI_Comm_rank', commWorld)
  const size = native.int('MPI_Comm_size', commWorld)
  const failures = new Failures(native, native.handle('MPI_Comm_dup', commWorld), rank, size)
  const progress = new Progress(failures, native.library, areCoresShared(size))
  const runtime = { native, progress, operations }
  return {
    runtime,
    world: new World(newContext(runtime, commWorld, rank)),
    self: new Comm(newContext(runtime, commSelf, rank)),
  }
}

/** A program that ends well leaves together with the others; one that fails must not leave them waiting. */
function finalize(native: Native, operations: NativeOperations, exitCode: number): void {
  if (native.int('MPI_Finalized') !== 0) return
  if (exitCode === 0) {
    operations.free()
    native.call('MPI_Finalize')
  } else {
    // Node prints what was thrown after this, which is too late.
    if (uncaught !== undefined) writeSync(STDERR, `${inspect(uncaught)}\n`)
    // The process manager must have passed on what was printed before it ends everything.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_WORDS_MS)
    native.call('MPI_Abort', native.abi.commWorld, exitCode)
  }
}

/**
 * Tells the other ranks that this one has failed, for programs that go on after an error, as engines do: calls that
 * wait for it then throw instead of waiting for ever. Nothing when MPI is not in use.
 */
export function announceFailure(error: unknown): void {
  shared[STARTED]?.runtime.progress.failures.announce(error)
}

/**
 * MPI for JavaScript, through the system's own library. The first use of a communicator starts it, the end of the
 * program ends it.
 *
 * @example
 * // mpiexec -n 4 node sum.js
 * import { MPI } from 'itsparallel/mpi'
 * console.log(MPI.COMM_WORLD.allreduce(MPI.COMM_WORLD.rank))      // 6, four times
 *
 * @throws ConfigurationError when koffi or an MPI library is missing.
 */
export const MPI = {
  ...PREDEFINED,
  IN_PLACE: IN_PLACE as typeof IN_PLACE,
  Op,
  Status,

  /** All processes that were started together. */
  get COMM_WORLD(): World {
    return start().world
  },

  /** This process alone. */
  get COMM_SELF(): Comm {
    return start().self
  },

  /** For receiving from whoever sends. The default. */
  get ANY_SOURCE(): number {
    return start().runtime.native.abi.anySource
  },

  /** For receiving under whatever tag. The default. */
  get ANY_TAG(): number {
    return start().runtime.native.abi.anyTag
  },

  /** A rank that is none: messages to and from it go nowhere, at once. */
  get PROC_NULL(): number {
    return start().runtime.native.abi.procNull
  },

  /** Seconds since some moment in the past. */
  wtime(): number {
    return performance.now() / 1000
  },

  /** Sizes of a grid for so many processes, as equal as can be; dimensions that are not 0 are kept. */
  dims(processes: number, dims: readonly number[]): number[] {
    const sizes = Int32Array.from(dims)
    start().runtime.native.call('MPI_Dims_create', processes, sizes.length, sizes)
    return [...sizes]
  },

  /** Name and version of the library. */
  get libraryVersion(): string {
    const text = start().runtime.native.text('MPI_Get_library_version')
    return text.replace(/\0.*$/s, '').trim()
  },

  /** Name of the machine that this process runs on. */
  get processorName(): string {
    return start().runtime.native.text('MPI_Get_processor_name')
  },
}

import { writeSync } from 'node:fs'
import process from 'node:process'
import { inspect } from 'node:util'
import { isMainThread } from 'node:worker_threads'
import { ConfigurationError, UsageError } from '../errors.ts'
import { Comm } from './comm.ts'
import { newContext, type Runtime } from './context.ts'
import { Failures } from './failures.ts'
import { areCoresShared, processesStarted } from './library.ts'
import { Native } from './native.ts'
import { NativeOperations } from './native-operations.ts'
import { Op } from './op.ts'
import { PREDEFINED } from './operations.ts'
import { Progress } from './progress.ts'
import { IN_PLACE } from './shares.ts'
import { Status } from './status.ts'

/** User code runs on one thread. */
const THREAD_FUNNELED = 1

/** Set where some of the ranks are programs in another language. */
const MIXED = 'ITSPARALLEL_MPI_MIXED'

const LAST_WORDS_MS = 100
/** Between two looks at whether the others have come to their ends, too. */
const LEAVING_SLEEP_US = 100
const STDERR = 2

interface Started {
  readonly runtime: Runtime
  readonly world: Comm
  readonly self: Comm
}

/** Where all copies of this package in a process find what the first of them started: the library starts only once. */
const STARTED = Symbol.for('itsparallel.mpi')
const shared = globalThis as { [STARTED]?: Started }
/** What ends this process, if anything that was thrown does. */
let uncaught: unknown

/**
 * The library is loaded, and this process joins the others, at the first use of anything.
 *
 * @throws ConfigurationError when koffi or an MPI library is missing; UsageError in a thread other than the main one.
 */
function start(): Started {
  shared[STARTED] ??= initialize()
  return shared[STARTED]
}

function initialize(): Started {
  if (!isMainThread)
    throw new UsageError(
      'MPI runs on the main thread only, since a process is one rank: let worker threads compute, and send messages from the main one',
    )
  const native = new Native()
  const isOurs = native.int('MPI_Initialized') === 0
  if (isOurs) native.int('MPI_Init_thread', null, null, THREAD_FUNNELED)
  const { commWorld, commSelf, errorsReturn } = native.abi
  native.call('MPI_Comm_set_errhandler', commWorld, errorsReturn)
  const rank = native.int('MPI_Comm_rank', commWorld)
  const size = native.int('MPI_Comm_size', commWorld)
  const started = processesStarted()
  if (started !== undefined && started !== size) throw wrongLibrary(native, started, size)
  const isMixed = Boolean(process.env[MIXED])
  const failures = new Failures({
    native,
    comm: isMixed ? undefined : native.twin(commWorld),
    rank,
    size,
  })
  const progress = new Progress(failures, native.library, areCoresShared(size))
  const runtime = { native, progress, operations: new NativeOperations(native), isMixed }
  if (isOurs) endWithProgram(runtime)
  return {
    runtime,
    world: new Comm(newContext(runtime, commWorld), true),
    self: new Comm(newContext(runtime, commSelf), true),
  }
}

/** As a rule each process believes to be alone then. */
function wrongLibrary(native: Native, started: number, size: number): ConfigurationError {
  const [version = ''] = native.text('MPI_Get_library_version').split(/[,\n]/)
  return new ConfigurationError(
    `mpiexec has started ${started} processes, and the MPI library (${version.replace(/\s+/g, ' ')}) sees ${size}: it is another MPI's. Use the mpiexec that belongs to it, or name the right library in ITSPARALLEL_MPI_LIBRARY`,
  )
}

function endWithProgram(runtime: Runtime): void {
  process.on('uncaughtExceptionMonitor', error => {
    uncaught = error
  })
  process.once('exit', code => finalize(runtime, code))
}

/** A program that ends well leaves together with the others; one that fails must not leave them waiting. */
function finalize({ native, operations, progress }: Runtime, exitCode: number): void {
  if (native.int('MPI_Finalized') !== 0) return
  if (exitCode === 0) {
    progress.failures.leaveTogether(() => native.library.sleep(LEAVING_SLEEP_US))
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
  const progress = shared[STARTED]?.runtime.progress
  progress?.reset()
  progress?.failures.announce(error)
}

/**
 * Tells the other ranks that this one goes on to something else after a failure, and that theirs until now are past: for
 * programs that go on after an error.
 */
export function beginAnew(): void {
  shared[STARTED]?.runtime.progress.failures.beginAnew(performance.now())
}

/**
 * Whether this process may be interrupted now without leaving other ranks in a collective call that they have begun: for
 * programs that interrupt what runs, as engines do.
 *
 * @param askedAtMs - when that was first wanted, on the clock of `performance`.
 */
export function mayInterrupt(askedAtMs: number): boolean {
  return shared[STARTED]?.runtime.progress.mayInterrupt(askedAtMs) ?? true
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
  get COMM_WORLD(): Comm {
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

  /** Whether this process has joined the others: it does at the first use of a communicator. */
  get isInitialized(): boolean {
    return shared[STARTED] !== undefined
  },

  /** Whether this process has left them: it does at its end. */
  get isFinalized(): boolean {
    return shared[STARTED] !== undefined && shared[STARTED].runtime.native.int('MPI_Finalized') !== 0
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

  /** The version of the standard that the library follows. */
  get version(): readonly [major: number, minor: number] {
    const minor = new Int32Array(1)
    const { native } = start().runtime
    const major = new Int32Array(1)
    native.call('MPI_Get_version', major, minor)
    return [major[0]!, minor[0]!]
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

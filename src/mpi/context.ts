import type { Handle } from './abi.ts'
import { Gate } from './gate.ts'
import type { Native } from './native.ts'
import type { NativeOperations } from './native-operations.ts'
import type { Progress } from './progress.ts'

/** What all communicators of a process share. */
export interface Runtime {
  readonly native: Native
  readonly progress: Progress
  readonly operations: NativeOperations
}

/** A communicator's handle and what belongs to it. */
export interface Context extends Runtime {
  readonly comm: Handle
  readonly gate: Gate
  readonly rank: number
  readonly size: number
  /** Ranks of its members in COMM_WORLD, in their order here. */
  readonly worldRanks: readonly number[]
}

/**
 * Makes the context of a communicator that all its members have just made. Collective.
 *
 * @param worldRank - this process's rank in COMM_WORLD.
 */
export function newContext(runtime: Runtime, comm: Handle, worldRank: number): Context {
  const { native, progress } = runtime
  native.call('MPI_Comm_set_errhandler', comm, native.abi.errorsReturn)
  const rank = native.int('MPI_Comm_rank', comm)
  const size = native.int('MPI_Comm_size', comm)
  const ranks = new Int32Array(size)
  const { INT32_T } = native.abi.datatypes
  native.call('MPI_Allgather', Int32Array.of(worldRank), 1, INT32_T, ranks, 1, INT32_T, comm)
  const worldRanks = [...ranks]
  const own = native.handle('MPI_Comm_dup', comm)
  native.call('MPI_Comm_set_errhandler', own, native.abi.errorsReturn)
  return {
    ...runtime,
    comm,
    rank,
    size,
    worldRanks,
    gate: new Gate({ native, progress, comm: own, rank, size, worldRanks }),
  }
}

import type { Handle } from './abi.ts'
import { Barrier, type Gate } from './gate.ts'
import type { Native } from './native.ts'
import type { NativeOperations } from './native-operations.ts'
import type { Progress } from './progress.ts'
import type { ValueRequest } from './value-messages.ts'

/** What all communicators of a process share. */
export interface Runtime {
  readonly native: Native
  readonly progress: Progress
  readonly operations: NativeOperations
  /** Some ranks are programs that do not use this package: nothing may be asked of them but what the standard asks. */
  readonly isMixed: boolean
}

/** A communicator's handle and what belongs to it. */
export interface Context extends Runtime {
  readonly comm: Handle
  readonly gate: Gate
  /** Receives of values that were begun, in order. */
  readonly waiting: ValueRequest[]
  readonly rank: number
  readonly size: number
  /** Ranks of its members in COMM_WORLD, in their order here. */
  readonly worldRanks: readonly number[]
}

/** Makes the context of a communicator that all its members have just made. Collective, unless the world is mixed. */
export function newContext(runtime: Runtime, comm: Handle): Context {
  const { native, progress } = runtime
  native.call('MPI_Comm_set_errhandler', comm, native.abi.errorsReturn)
  const rank = native.int('MPI_Comm_rank', comm)
  const size = native.int('MPI_Comm_size', comm)
  const worldRanks = worldRanksOf(native, comm, size)
  const gate = runtime.isMixed
    ? openGate(comm)
    : new Barrier({ native, progress, of: comm, comm: native.twin(comm), rank, size, worldRanks })
  return { ...runtime, comm, rank, size, worldRanks, gate, waiting: [] }
}

function worldRanksOf(native: Native, comm: Handle, size: number): number[] {
  const [group, world] = [comm, native.abi.commWorld].map(one => native.handle('MPI_Comm_group', one))
  const ranks = Int32Array.from({ length: size }, (_, rank) => rank)
  const worldRanks = new Int32Array(size)
  native.call('MPI_Group_translate_ranks', group!, size, ranks, world!, worldRanks)
  for (const one of [group!, world!]) native.call('MPI_Group_free', native.cell(one))
  return [...worldRanks]
}

/** The gate of a mixed world: nobody is waited for before a call, and nothing compared. */
function openGate(comm: Handle): Gate {
  return { isBarrier: false, pass: () => {}, beginAside: () => comm, free: () => {} }
}

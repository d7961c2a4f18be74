/** Finds the system's MPI library and binds the functions that are used. */

import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import process from 'node:process'
import { ConfigurationError } from '../errors.ts'
import type { Abi } from './abi.ts'
import { mpichAbi } from './abi-mpich.ts'
import { openMpiAbi } from './abi-open-mpi.ts'
import { functionTypes, type NativeFunctions } from './functions.ts'
import type { Cores } from './progress.ts'

type Koffi = typeof import('koffi')
type LibraryHandle = ReturnType<Koffi['load']>

export interface Library extends Cores {
  readonly abi: Abi
  readonly functions: NativeFunctions
  /** Memory of the library's that a callback was handed, as bytes. */
  view(address: unknown, bytes: number): ArrayBuffer
  /** Address of a C function that computes what `operation` does. */
  operationCallback(operation: (input: unknown, inout: unknown, count: number) => void): bigint
}

/** Variables that the process managers of either family set for the programs they start. */
const STARTED_BY_OPEN_MPI = 'OMPI_COMM_WORLD_SIZE'
const STARTED_BY_HYDRA = 'PMI_SIZE'
/** How many ranks they have started on this machine. */
const RANKS_HERE = ['OMPI_COMM_WORLD_LOCAL_SIZE', 'MPI_LOCALNRANKS']
/** Names a library where the choice below would be wrong. */
const CHOICE = 'ITSPARALLEL_MPI_LIBRARY'

/**
 * Of UCX, which MPICH stands on: when it hooks itself into the allocation of memory it moves the end of the heap up and down
 * again, while node's other threads move it too. What they had allocated meanwhile is unmapped then, and node crashes.
 * Only the cache of registered memory of InfiniBand needs the hooks.
 */
const MEMORY_HOOKS = 'UCX_MEM_EVENTS'

const OPEN_MPI_NAMES = ['libmpi.so.40', 'libmpi.so.80', 'libmpi.40.dylib']
const MPICH_NAMES = ['libmpich.so.12', 'libmpi.so.12', 'libmpi.12.dylib']
const ANY_NAMES = ['libmpi.so', 'libmpi.dylib']

/**
 * Loads the library that fits the program that started this process, by its environment: a process of Open MPI's mpiexec
 * must use Open MPI's library.
 *
 * @throws ConfigurationError when koffi or an MPI library is missing.
 */
export function loadLibrary(): Library {
  const koffi = loadKoffi()
  process.env[MEMORY_HOOKS] ??= 'n'
  const handle = loadFirst(koffi, candidates())
  const isOpenMpi = has(koffi, handle, 'ompi_mpi_comm_world')
  const abi = isOpenMpi ? openMpiAbi(symbol => Number(koffi.address(handle.symbol(symbol)))) : mpichAbi
  const bound = functionTypes(abi.handleType).map(([name, types]) => [name, handle.func(name, 'int', types)])
  const libc = koffi.load(null)
  const callback = koffi.proto('void', ['void *', 'void *', 'int *', 'void *'])
  return {
    abi,
    functions: Object.fromEntries(bound) as NativeFunctions,
    yieldCore: libc.func('sched_yield', 'int', []),
    sleep: libc.func('usleep', 'int', ['uint']),
    view: (address, bytes) => koffi.view(address, bytes),
    operationCallback: operation =>
      koffi.register((input: unknown, inout: unknown, count: unknown) => {
        operation(input, inout, Number(koffi.decode(count, 'int')))
      }, koffi.pointer(callback)),
  }
}

/**
 * How many processes the program that started this one has started; undefined where it does not say so. A library that sees
 * another number is not that program's.
 */
export function processesStarted(): number | undefined {
  const told = process.env[STARTED_BY_OPEN_MPI] ?? process.env[STARTED_BY_HYDRA]
  return told === undefined ? undefined : Number(told)
}

/** Whether ranks have to share the cores of this machine. @param size - of all of them, wherever they are. */
export function areCoresShared(size: number): boolean {
  const told = RANKS_HERE.map(name => process.env[name]).find(value => value !== undefined)
  return Number(told ?? size) > availableParallelism()
}

function loadKoffi(): Koffi {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi
  } catch (cause) {
    throw new ConfigurationError(
      'MPI needs the package koffi, which calls C libraries, and it is not installed or not for this system: run `npm install koffi`',
      { cause },
    )
  }
}

function candidates(): readonly string[] {
  const chosen = process.env[CHOICE]
  if (chosen) return [chosen]
  const families =
    process.env[STARTED_BY_HYDRA] !== undefined && process.env[STARTED_BY_OPEN_MPI] === undefined
      ? [MPICH_NAMES, OPEN_MPI_NAMES]
      : [OPEN_MPI_NAMES, MPICH_NAMES]
  return [...families.flat(), ...ANY_NAMES]
}

function loadFirst(koffi: Koffi, names: readonly string[]): LibraryHandle {
  const failures: string[] = []
  for (const name of names) {
    try {
      // Global: Open MPI's plug-ins look for its symbols among those of the program.
      return koffi.load(name, { global: true })
    } catch (error) {
      failures.push((error as Error).message)
    }
  }
  throw new ConfigurationError(
    `no MPI library could be loaded (tried ${names.join(', ')}): install one, such as Debian's openmpi-bin or mpich, or name it in ${CHOICE}. The first said: ${failures[0]}`,
  )
}

function has(koffi: Koffi, handle: LibraryHandle, symbol: string): boolean {
  try {
    return koffi.address(handle.symbol(symbol)) !== 0n
  } catch {
    return false
  }
}

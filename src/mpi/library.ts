/** Finds the system's MPI library and binds the functions that are used. */

import { createRequire } from 'node:module'
import process from 'node:process'
import { ConfigurationError } from '../errors.ts'
import type { Abi } from './abi.ts'
import { mpichAbi } from './abi-mpich.ts'
import { openMpiAbi } from './abi-open-mpi.ts'
import { argumentTypes, FUNCTION_NAMES, type NativeFunctions } from './functions.ts'

type Koffi = typeof import('koffi')
type LibraryHandle = ReturnType<Koffi['load']>

export interface Library {
  readonly abi: Abi
  readonly functions: NativeFunctions
  /** Lets another process run on this core. */
  readonly yieldCore: () => void
  /** Memory of the library's that a callback was handed, as bytes. */
  view(address: unknown, bytes: number): ArrayBuffer
  /** Address of a C function that computes what `operation` does. */
  operationCallback(operation: (input: unknown, inout: unknown, count: number) => void): bigint
}

/** Variables that the process managers of either family set for the programs they start. */
const STARTED_BY_OPEN_MPI = 'OMPI_COMM_WORLD_SIZE'
const STARTED_BY_HYDRA = 'PMI_SIZE'
/** Names a library where the choice below would be wrong. */
const CHOICE = 'ITSPARALLEL_MPI_LIBRARY'

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
  const handle = loadFirst(koffi, candidates())
  const isOpenMpi = has(koffi, handle, 'ompi_mpi_comm_world')
  const abi = isOpenMpi ? openMpiAbi(symbol => Number(koffi.address(handle.symbol(symbol)))) : mpichAbi
  const bound = FUNCTION_NAMES.map(name => [
    name,
    handle.func(name, 'int', argumentTypes(name, abi.handleType)),
  ])
  const callback = koffi.proto('void', ['void *', 'void *', 'int *', 'void *'])
  return {
    abi,
    functions: Object.fromEntries(bound) as NativeFunctions,
    yieldCore: koffi.load(null).func('sched_yield', 'int', []),
    view: (address, bytes) => koffi.view(address, bytes),
    operationCallback: operation =>
      koffi.register((input: unknown, inout: unknown, count: unknown) => {
        operation(input, inout, Number(koffi.decode(count, 'int')))
      }, koffi.pointer(callback)),
  }
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

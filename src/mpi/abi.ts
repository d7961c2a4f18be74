/**
 * What differs between the binary interfaces of MPI libraries: how handles look, the values of constants, and where a
 * status keeps what.
 *
 * Sources: mpi.h of MPICH 4.0 (also the MPICH ABI of Intel MPI, MVAPICH and Cray) and of Open MPI 4.1.
 */

/** A communicator, datatype, operation …: an integer, or an address that fits into a number. */
export type Handle = number

/** Element types of buffers, by their names in MPI. */
export const DATATYPES = [
  'BYTE',
  'INT8_T',
  'UINT8_T',
  'INT16_T',
  'UINT16_T',
  'INT32_T',
  'UINT32_T',
  'INT64_T',
  'UINT64_T',
  'FLOAT',
  'DOUBLE',
  'C_BOOL',
  'C_FLOAT_COMPLEX',
  'C_DOUBLE_COMPLEX',
] as const
export type DatatypeName = (typeof DATATYPES)[number]

/** Predefined operations that a library computes itself. */
export const OPERATIONS = ['MAX', 'MIN', 'SUM', 'PROD', 'LAND', 'BAND', 'LOR', 'BOR', 'LXOR', 'BXOR'] as const
export type OperationName = (typeof OPERATIONS)[number]

export interface Abi {
  readonly name: 'Open MPI' | 'MPICH'
  /** C type of handles, and how many bytes it has. */
  readonly handleType: 'int' | 'intptr_t'
  readonly handleBytes: 4 | 8
  readonly commWorld: Handle
  readonly commSelf: Handle
  readonly commNull: Handle
  readonly infoNull: Handle
  readonly requestNull: Handle
  readonly errorsReturn: Handle
  readonly datatypes: Readonly<Record<DatatypeName, Handle>>
  readonly operations: Readonly<Record<OperationName, Handle>>
  readonly anySource: number
  readonly anyTag: number
  readonly procNull: number
  readonly undefined: number
  /** Stands for the processes that share memory. */
  readonly commTypeShared: number
  /** The address that means: the other buffer holds my part already. */
  readonly inPlace: bigint
  readonly errorStringBytes: number
  /** Of an MPI_Status: its size, and the offsets of its fields in bytes. */
  readonly status: { readonly bytes: number; readonly source: number; readonly tag: number }
  /** Class of the error that a message was longer than the buffer for it. */
  readonly errTruncate: number
}

import { type Abi, DATATYPES, type Handle, OPERATIONS } from './abi.ts'

/**
 * Open MPI's handles are addresses of variables that the library exports.
 *
 * @param addressOf - finds such a variable.
 */
export function openMpiAbi(addressOf: (symbol: string) => Handle): Abi {
  const all = <Name extends string>(names: readonly Name[], prefix: string): Record<Name, Handle> =>
    Object.fromEntries(names.map(name => [name, addressOf(prefix + name.toLowerCase())])) as Record<
      Name,
      Handle
    >
  return {
    name: 'Open MPI',
    handleType: 'intptr_t',
    handleBytes: 8,
    commWorld: addressOf('ompi_mpi_comm_world'),
    commSelf: addressOf('ompi_mpi_comm_self'),
    commNull: addressOf('ompi_mpi_comm_null'),
    infoNull: addressOf('ompi_mpi_info_null'),
    requestNull: addressOf('ompi_request_null'),
    errorsReturn: addressOf('ompi_mpi_errors_return'),
    datatypes: all(DATATYPES, 'ompi_mpi_'),
    operations: all(OPERATIONS, 'ompi_mpi_op_'),
    anySource: -1,
    anyTag: -1,
    procNull: -2,
    undefined: -32766,
    commTypeShared: 0,
    inPlace: 1n,
    errorStringBytes: 256,
    status: { bytes: 24, source: 0, tag: 4 },
    errTruncate: 15,
  }
}

/**
 * The C functions that are used, as one letter an argument: `b` a buffer or the address of a variable, `i` an int,
 * `h` a handle. All of them return an error code.
 */
const PLAIN = {
  MPI_Init_thread: 'bbib',
  MPI_Initialized: 'b',
  MPI_Finalize: '',
  MPI_Finalized: 'b',
  MPI_Abort: 'hi',
  MPI_Error_string: 'ibb',
  MPI_Error_class: 'ib',
  MPI_Get_version: 'bb',
  MPI_Get_library_version: 'bb',
  MPI_Get_processor_name: 'bb',
  MPI_Comm_set_errhandler: 'hh',
  MPI_Comm_rank: 'hb',
  MPI_Comm_size: 'hb',
  MPI_Comm_dup: 'hb',
  MPI_Comm_split: 'hiib',
  MPI_Comm_split_type: 'hiihb',
  MPI_Comm_free: 'b',
  MPI_Comm_group: 'hb',
  MPI_Group_translate_ranks: 'hibhb',
  MPI_Group_free: 'b',
  MPI_Isend: 'bihiihb',
  MPI_Issend: 'bihiihb',
  MPI_Irecv: 'bihiihb',
  MPI_Iprobe: 'iihbb',
  MPI_Test: 'bbb',
  MPI_Cancel: 'b',
  MPI_Test_cancelled: 'bb',
  MPI_Get_count: 'bhb',
  MPI_Op_create: 'bib',
  MPI_Op_free: 'b',
  MPI_Type_contiguous: 'ihb',
  MPI_Type_commit: 'b',
  MPI_Type_free: 'b',
  MPI_Dims_create: 'iib',
  MPI_Cart_create: 'hibbib',
  MPI_Cart_coords: 'hiib',
  MPI_Cart_rank: 'hbb',
  MPI_Cart_shift: 'hiibb',
  MPI_Cart_sub: 'hbb',
} as const

/**
 * Collective calls, without their last argument, the communicator. Each has a twin that begins with an I and returns at
 * once: its last argument is where the handle of the request is written.
 */
const COLLECTIVE = {
  Barrier: '',
  Bcast: 'bihi',
  Scatter: 'bihbihi',
  Scatterv: 'bbbhbihi',
  Gather: 'bihbihi',
  Gatherv: 'bihbbbhi',
  Allgather: 'bihbih',
  Allgatherv: 'bihbbbh',
  Alltoall: 'bihbih',
  Alltoallv: 'bbbhbbbh',
  Reduce: 'bbihhi',
  Allreduce: 'bbihh',
  Scan: 'bbihh',
  Exscan: 'bbihh',
  Reduce_scatter: 'bbbhh',
  Reduce_scatter_block: 'bbihh',
} as const

export type CollectiveName = keyof typeof COLLECTIVE
export type Immediate<Name extends CollectiveName> = `MPI_I${Uncapitalize<Name>}`
export type FunctionName = keyof typeof PLAIN | `MPI_${CollectiveName}` | Immediate<CollectiveName>
/** What stands for a buffer: memory, an address, or the null pointer. */
export type BufferArgument = NodeJS.ArrayBufferView | bigint | null
export type Argument = BufferArgument | number
export type NativeFunction = (...args: Argument[]) => number
export type NativeFunctions = Readonly<Record<FunctionName, NativeFunction>>

/** The name in C of the twin that returns at once. */
export function immediate<Name extends CollectiveName>(name: Name): Immediate<Name> {
  return `MPI_I${name[0]!.toLowerCase()}${name.slice(1)}` as Immediate<Name>
}

/** All functions, with the C types of their arguments. */
export function functionTypes(handleType: string): [FunctionName, string[]][] {
  const types: Record<string, string> = { b: 'void *', i: 'int', h: handleType }
  const collective = Object.entries(COLLECTIVE).flatMap(([name, letters]) => [
    [`MPI_${name}`, `${letters}h`],
    [immediate(name as CollectiveName), `${letters}hb`],
  ])
  return [...Object.entries(PLAIN), ...collective].map(([name, letters]) => [
    name as FunctionName,
    [...letters!].map(letter => types[letter]!),
  ])
}

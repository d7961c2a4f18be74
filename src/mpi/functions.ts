/**
 * The C functions that are used, as one letter an argument: `b` a buffer or the address of a variable, `i` an int,
 * `h` a handle. All of them return an error code.
 */
const SIGNATURES = {
  MPI_Init_thread: 'bbib',
  MPI_Initialized: 'b',
  MPI_Finalize: '',
  MPI_Finalized: 'b',
  MPI_Abort: 'hi',
  MPI_Error_string: 'ibb',
  MPI_Error_class: 'ib',
  MPI_Get_library_version: 'bb',
  MPI_Get_processor_name: 'bb',
  MPI_Comm_set_errhandler: 'hh',
  MPI_Comm_rank: 'hb',
  MPI_Comm_size: 'hb',
  MPI_Comm_dup: 'hb',
  MPI_Comm_split: 'hiib',
  MPI_Comm_free: 'b',
  MPI_Isend: 'bihiihb',
  MPI_Issend: 'bihiihb',
  MPI_Irecv: 'bihiihb',
  MPI_Iprobe: 'iihbb',
  MPI_Test: 'bbb',
  MPI_Cancel: 'b',
  MPI_Get_count: 'bhb',
  MPI_Barrier: 'h',
  MPI_Bcast: 'bihih',
  MPI_Scatter: 'bihbihih',
  MPI_Scatterv: 'bbbhbihih',
  MPI_Gather: 'bihbihih',
  MPI_Gatherv: 'bihbbbhih',
  MPI_Allgather: 'bihbihh',
  MPI_Allgatherv: 'bihbbbhh',
  MPI_Reduce: 'bbihhih',
  MPI_Allreduce: 'bbihhh',
  MPI_Scan: 'bbihhh',
  MPI_Exscan: 'bbihhh',
  MPI_Alltoall: 'bihbihh',
  MPI_Alltoallv: 'bbbhbbbhh',
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

export type FunctionName = keyof typeof SIGNATURES
/** What stands for a buffer: memory, an address, or the null pointer. */
export type BufferArgument = NodeJS.ArrayBufferView | bigint | null
export type Argument = BufferArgument | number
export type NativeFunction = (...args: Argument[]) => number
export type NativeFunctions = Readonly<Record<FunctionName, NativeFunction>>

/** C types of a function's arguments. */
export function argumentTypes(name: FunctionName, handleType: string): string[] {
  const types: Record<string, string> = { b: 'void *', i: 'int', h: handleType }
  return [...SIGNATURES[name]].map(letter => types[letter]!)
}

export const FUNCTION_NAMES = Object.keys(SIGNATURES) as FunctionName[]

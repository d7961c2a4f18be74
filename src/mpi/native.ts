import { MPIError } from '../errors.ts'
import type { Abi, Handle } from './abi.ts'
import type { Argument, FunctionName } from './functions.ts'
import { type Library, loadLibrary } from './library.ts'

/** More than any library writes. */
const TEXT_BYTES = 8192

/** The library with its errors as exceptions, and one place for what its functions write. */
export class Native {
  readonly abi: Abi
  readonly library: Library
  /** Where functions write numbers: up to four ints, or two handles. */
  readonly #ints = new Int32Array(4)
  /** A status; read before the next call. */
  readonly #status: DataView
  /** Where handles of requests stand; those that have ended are used again, since memory for C costs more than the call. */
  readonly #cells: Int32Array[] = []

  constructor(library: Library = loadLibrary()) {
    this.library = library
    this.abi = library.abi
    this.#status = new DataView(new ArrayBuffer(library.abi.status.bytes))
  }

  /** @throws MPIError when the function reports an error. */
  call(name: FunctionName, ...args: Argument[]): void {
    const code = this.library.functions[name](...args)
    if (code !== 0) throw this.#error(name, code)
  }

  /** Calls a function whose last argument is where it writes an int. */
  int(name: FunctionName, ...args: Argument[]): number {
    this.call(name, ...args, this.#ints)
    return this.#ints[0]!
  }

  /** Calls a function whose last argument is where it writes a handle. */
  handle(name: FunctionName, ...args: Argument[]): Handle {
    this.call(name, ...args, this.#ints)
    return this.abi.handleBytes === 4 ? this.#ints[0]! : toNumber(this.#ints[0]!, this.#ints[1]!)
  }

  /** Another communicator of the same processes, whose errors are returned. Collective. */
  twin(comm: Handle): Handle {
    const twin = this.handle('MPI_Comm_dup', comm)
    this.call('MPI_Comm_set_errhandler', twin, this.abi.errorsReturn)
    return twin
  }

  /**
   * Starts a request: the last argument is where the function writes its handle.
   *
   * @returns what `test` takes; to be given back by `release` once it has ended.
   */
  request(name: FunctionName, ...args: Argument[]): Int32Array {
    const cell = this.#cells.pop() ?? new Int32Array(2)
    this.call(name, ...args, cell)
    return cell
  }

  /** A request that has ended and that nobody will test again. */
  release(request: Int32Array): void {
    this.#cells.push(request)
  }

  /** A handle where functions expect the address of one: they set it to null when they free what it stands for. */
  cell(handle: Handle): Int32Array {
    return Int32Array.of(handle | 0, Math.floor(handle / 2 ** 32))
  }

  /** Whether a request has ended; then `source` and `tag` are those of its message. */
  test(request: Int32Array): boolean {
    const code = this.library.functions.MPI_Test(request, this.#ints, this.#status)
    if (code !== 0) throw this.#error('MPI_Test', code)
    return this.#ints[0] !== 0
  }

  /** Whether a message is there; then `source`, `tag` and `count` are those of it. */
  probe(source: number, tag: number, comm: Handle): boolean {
    const code = this.library.functions.MPI_Iprobe(source, tag, comm, this.#ints, this.#status)
    if (code !== 0) throw this.#error('MPI_Iprobe', code)
    return this.#ints[0] !== 0
  }

  get source(): number {
    return this.#status.getInt32(this.abi.status.source, true)
  }

  get tag(): number {
    return this.#status.getInt32(this.abi.status.tag, true)
  }

  /** How many elements the message of the last `test` or `probe` has. */
  count(datatype: Handle): number {
    return this.int('MPI_Get_count', this.#status, datatype)
  }

  /** Whether the request of the last `test` had been cancelled. */
  get isCancelled(): boolean {
    return this.int('MPI_Test_cancelled', this.#status) !== 0
  }

  /** A text that a function writes, and after it its length. */
  text(name: FunctionName): string {
    const bytes = Buffer.alloc(TEXT_BYTES)
    const length = this.int(name, bytes)
    return bytes.toString('utf8', 0, length)
  }

  #error(name: FunctionName, code: number): MPIError {
    const errorClass = new Int32Array(1)
    this.library.functions.MPI_Error_class(code, errorClass)
    const bytes = Buffer.alloc(this.abi.errorStringBytes)
    const length = new Int32Array(1)
    this.library.functions.MPI_Error_string(code, bytes, length)
    const text = `${name}: ${bytes.toString('utf8', 0, length[0])}`
    const isTooLong = errorClass[0] === this.abi.errTruncate
    return new MPIError(
      isTooLong ? `the message is longer than the buffer that it was to be received in (${text})` : text,
      {
        errorClass: errorClass[0]!,
      },
    )
  }
}

function toNumber(low: number, high: number): number {
  return (low >>> 0) + high * 2 ** 32
}

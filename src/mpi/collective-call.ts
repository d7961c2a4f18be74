import type { Context } from './context.ts'
import { type Argument, type CollectiveName, immediate } from './functions.ts'
import { NativeRequest, type Request } from './request.ts'
import { Status } from './status.ts'

/** A collective call that is ready to be made. */
export interface CollectiveCall {
  readonly name: CollectiveName
  /** What the ranks must agree about. */
  readonly terms: string
  /** Without the communicator. */
  readonly args: readonly Argument[]
}

/**
 * Calls the library when all ranks are about to.
 *
 * @param terms - what they must agree about, in words that are equal where they do.
 * @throws MPIError when they are about to call something else, or one has failed.
 */
export function together<Result>({ progress, gate }: Context, terms: string, call: () => Result): Result {
  return progress.together(() => gate.pass(terms), call)
}

/** Makes a call. @throws MPIError as `together`; what an operation of the user's threw. */
export function callNow(context: Context, { name, terms, args }: CollectiveCall): void {
  together(context, terms, () => context.native.call(`MPI_${name}`, ...args, context.comm))
  context.operations.throwIfFailed()
}

/** Begins a call, whether or not the other ranks have. */
export function callLater(context: Context, { name, args }: CollectiveCall): Request {
  const { native, progress, gate, operations, worldRanks } = context
  const cell = native.request(immediate(name), ...args, gate.beginAside())
  const finish = () => {
    operations.throwIfFailed()
    return new Status()
  }
  return new NativeRequest({ native, progress, cell, memory: args, partners: worldRanks, finish })
}

import { inspect } from 'node:util'
import { UsageError } from '../errors.ts'
import type { MessageType } from '../protocol/catalogue.ts'
import { Operation, packCall, type Reference } from '../serialize/payload.ts'
import type { Message } from '../transport/socket.ts'
import { AsyncMapResult, nextPiece } from './async-map-result.ts'
import { type Assemble, AsyncResult, trackSent } from './async-result.ts'
import type { RemoteArguments, SyncMapInputs } from './call-types.ts'
import { readColumns } from './columns.ts'
import { decodeExecuteReply, type ExecuteReply } from './execute-reply.ts'
import { mapCall } from './map-call.ts'
import { type Namespace, namespaceOf } from './namespace.ts'
import { type ParallelFunction, type ParallelOptions, parallelFunction } from './parallel-function.ts'
import { blockBounds, type Distribution, isTypedArray, joinPieces, partition } from './partition.ts'
import { type Decode, seal } from './request-record.ts'
import type { Shaped, ViewShape } from './shape.ts'
import { resolveTargets, type Target } from './targets.ts'
import {
  decodeNothing,
  decodeValue,
  type ExecuteOptions,
  executeContent,
  OWN_MARK,
  type ViewHost,
  type ViewOptions,
} from './view.ts'

/** Options of a DirectView. */
export interface DirectViewOptions extends ViewOptions {
  /** `map`: put errors in the results instead of throwing at the first. */
  readonly returnExceptions?: boolean
  /** `map`: iterate results in input order (default), or as they come. */
  readonly ordered?: boolean
}

/** How to deal out the pieces of a sequence. */
export interface ScatterOptions {
  /** In blocks (default) or round-robin. */
  readonly dist?: Distribution
  /** Give an engine that gets a single element that element, and not a sequence of one. */
  readonly flatten?: boolean
}

/** How the pieces of a sequence were dealt out. */
export interface GatherOptions {
  readonly dist?: Distribution
}

interface Part {
  readonly target: Target
  readonly buffers?: Message
}

/**
 * Some engines, each addressed by itself: what is called is called on every one of them.
 *
 * A view of a single target gives single values, every other an array in the order of its targets. A view is cheap and
 * immutable; `with` gives another one with other options.
 *
 * @example
 * const view = rc.directView()
 * await view.push({ a: 6, b: 7 })
 * await view.execute('c = a * b')
 * await view.pull('c')            // [42, 42, 42, 42]
 * await rc.at(0).pull('c')        // 42
 */
export class DirectView<Shape extends ViewShape = 'many'> {
  readonly #host: ViewHost
  readonly #options: DirectViewOptions

  /** Made by a Client. */
  constructor(host: ViewHost, options: DirectViewOptions) {
    this.#host = host
    this.#options = options
  }

  /** Ids of its engines, now. */
  get targets(): Shaped<Shape, number> {
    const { targets = 'all' } = this.#options
    const ids = targets === 'all' ? [...this.#host.roster.ids] : targets
    return ids as Shaped<Shape, number>
  }

  /** The same view with other options. */
  with(options: DirectViewOptions & { readonly targets: number }): DirectView<'one'>
  with(options: DirectViewOptions & { readonly targets: 'all' | readonly number[] }): DirectView<'many'>
  with(options: DirectViewOptions): DirectView<Shape>
  with(options: DirectViewOptions): DirectView<ViewShape> {
    return new DirectView(this.#host, { ...this.#options, ...options })
  }

  /**
   * Calls `fn(...args)` on every target. What `fn` refers to goes along; an argument may be a Reference to the engine's
   * own variable.
   *
   * @throws SerializationError at once when the function or an argument cannot travel.
   * @throws InvalidTargetError or NoEnginesError at once when there is nobody to call it.
   */
  apply<Args extends unknown[], Value>(
    fn: ((...args: Args) => Value) | Reference,
    ...args: RemoteArguments<Args>
  ): AsyncResult<Shaped<Shape, Awaited<Value>>, Shape> {
    return this.#sendCall('apply', packCall(fn as (...args: never[]) => unknown, args))
  }

  /** A function that calls `fn` on every target. */
  remote<Args extends unknown[], Value>(
    fn: (...args: Args) => Value,
  ): (...args: RemoteArguments<Args>) => AsyncResult<Shaped<Shape, Awaited<Value>>, Shape> {
    return (...args) => this.apply(fn, ...args)
  }

  /** A function that cuts its sequences into one piece an engine, calls `fn` on each, and joins the results. */
  parallel<Args extends unknown[], Value>(
    fn: (...args: Args) => Value,
    options: ParallelOptions = {},
  ): ParallelFunction<Args, Value> {
    return parallelFunction(fn, options, {
      pieces: () => this.#resolve().length,
      call: (callee, pieces, assemble) => {
        const targets = this.#resolve()
        const parts = pieces.map((args, i) => ({ target: targets[i]!, buffers: packCall(callee, args) }))
        return this.#send('parallel', 'apply_request', parts, decodeValue, assemble)
      },
      map: (callee, inputs) => this.#map(callee, inputs as Iterable<unknown>[]),
    })
  }

  /** Runs source text at the top level of every target: what it declares stays. */
  execute(code: string, options: ExecuteOptions = {}): AsyncResult<Shaped<Shape, ExecuteReply>, Shape> {
    const parts = this.#resolve().map(target => ({ target }))
    const content = executeContent(code, options)
    return this.#send('execute', 'execute_request', parts, decodeExecuteReply, undefined, content)
  }

  /** Sets variables on every target. */
  push(values: Readonly<Record<string, unknown>>): AsyncResult<void, Shape> {
    return this.#sendCall('push', packCall(new Operation('push'), [values]), decodeNothing, nothing)
  }

  /**
   * Reads variables: one by its name, several by an array of names, which gives an array.
   *
   * @throws RemoteError (when awaited) with a ReferenceError for a name that is not there.
   */
  pull<Value = unknown>(name: string): AsyncResult<Shaped<Shape, Value>, Shape>
  pull<Values extends readonly unknown[] = unknown[]>(
    names: readonly string[],
  ): AsyncResult<Shaped<Shape, Values>, Shape>
  pull(names: string | readonly string[]): AsyncResult<Shaped<Shape, unknown>, Shape> {
    return this.#sendCall('pull', packCall(new Operation('pull'), [names]))
  }

  /** Cuts a sequence into one piece an engine, and sets each engine's piece as `name`. */
  scatter(name: string, sequence: Iterable<unknown>, options: ScatterOptions = {}): AsyncResult<void, Shape> {
    const targets = this.#resolve()
    const pieces = partition(sequence, targets.length, options.dist)
    const parts = targets.map((target, i) => {
      const piece = options.flatten === true ? flattened(pieces[i]) : pieces[i]
      return { target, buffers: packCall(new Operation('push'), [{ [name]: piece }]) }
    })
    return this.#send('scatter', 'apply_request', parts, decodeNothing, nothing)
  }

  /** Joins the pieces that the engines hold as `name`: the inverse of `scatter`. */
  gather<Sequence = unknown[]>(name: string, options: GatherOptions = {}): AsyncResult<Sequence, Shape> {
    const buffers = packCall(new Operation('pull'), [name])
    const parts = this.#resolve().map(target => ({ target, buffers }))
    const assemble = (pieces: unknown[]) => joinPieces(pieces, options.dist)
    return this.#send('gather', 'apply_request', parts, decodeValue, assemble)
  }

  /**
   * Calls `fn` for each element, cut into one block an engine. Several iterables are zipped to the shortest.
   *
   * @returns the values in input order.
   */
  map<Args extends unknown[], Value>(
    fn: (...args: Args) => Value,
    ...inputs: SyncMapInputs<Args>
  ): AsyncMapResult<Awaited<Value>> {
    return this.#map(fn, inputs as Iterable<unknown>[])
  }

  /**
   * Opens every target to Jupyter's clients on its own machine: `jupyter console --existing <file>` then talks to the
   * very process that runs this cluster's requests, and sees its variables.
   *
   * @returns path of the kernel connection file that each engine wrote, readable by its user alone.
   */
  bindKernel(): AsyncResult<Shaped<Shape, string>, Shape> {
    return this.#sendCall('bindKernel', packCall(new Operation('bind_kernel'), []))
  }

  /** The engines' variables as properties: assigning pushes, reading pulls. */
  get namespace(): Namespace {
    return namespaceOf(this as DirectView<ViewShape>)
  }

  toString(): string {
    const { targets = 'all' } = this.#options
    return `<DirectView ${typeof targets === 'string' ? targets : `[${String(targets)}]`}>`
  }

  [inspect.custom](): string {
    return this.toString()
  }

  get #isSingle(): boolean {
    return typeof this.#options.targets === 'number'
  }

  #resolve(): Target[] {
    return resolveTargets(this.#host.roster, this.#options.targets ?? 'all')
  }

  /** One payload, packed once, for all targets. */
  #sendCall<T>(
    what: string,
    buffers: Message,
    decode: Decode = decodeValue,
    assemble?: Assemble,
  ): AsyncResult<T, Shape> {
    const parts = this.#resolve().map(target => ({ target, buffers }))
    return this.#send(what, 'apply_request', parts, decode, assemble)
  }

  #send<T>(
    what: string,
    type: MessageType,
    parts: readonly Part[],
    decode: Decode,
    assemble?: Assemble,
    content?: object,
  ): AsyncResult<T, Shape> {
    const result = new AsyncResult<T, Shape>(this.#host, what, this.#isSingle, assemble)
    for (const { target, buffers } of parts) {
      this.#host.submit({
        route: 'direct',
        engine: target.uuid,
        type,
        metadata: OWN_MARK,
        owner: result,
        decode,
        signal: this.#options.signal,
        content,
        buffers,
      })
    }
    if (this.#options.track === true) result[trackSent]()
    return result[seal]()
  }

  #map<Value>(
    fn: (...args: never[]) => unknown,
    inputs: readonly Iterable<unknown>[],
  ): AsyncMapResult<Value> {
    checkInputs(inputs)
    const targets = this.#resolve()
    const columns = readColumns(inputs)
    const { ordered = true, returnExceptions = false } = this.#options
    const total = columns[0]!.length
    const result = new AsyncMapResult<Value>(this.#host, { ordered, returnExceptions, total })
    for (const [part, target] of targets.entries()) {
      const [start, end] = blockBounds(total, part, targets.length)
      if (start === end) continue
      const block = columns.map(column =>
        isTypedArray(column) ? column.subarray(start, end) : column.slice(start, end),
      )
      result[nextPiece](end - start)
      this.#host.submit({
        route: 'direct',
        engine: target.uuid,
        type: 'apply_request',
        metadata: OWN_MARK,
        ...mapCall(fn, block, returnExceptions),
        owner: result,
        signal: this.#options.signal,
        firstIndex: start,
      })
    }
    return result[seal]()
  }
}

/** @throws UsageError when there is nothing to map over. */
export function checkInputs(inputs: readonly unknown[]): void {
  if (inputs.length === 0)
    throw new UsageError('map needs at least one iterable after the function: view.map(fn, [1, 2, 3])')
}

function flattened(piece: unknown): unknown {
  return (Array.isArray(piece) || isTypedArray(piece)) && piece.length === 1 ? piece[0] : piece
}

function nothing(): undefined {
  return undefined
}

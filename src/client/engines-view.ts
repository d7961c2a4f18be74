import { inspect } from 'node:util'
import { type AnyFunction, type Callee, Operation, type Reference } from '../serialize/payload.ts'
import type { Message } from '../transport/socket.ts'
import type { AsyncMapResult } from './async-map-result.ts'
import { type Assemble, AsyncResult, trackSent } from './async-result.ts'
import { mapInBlocks } from './block-map.ts'
import { checkLanguage, languageRuns, packFor, packForEach } from './call-language.ts'
import type { RemoteArguments, SyncMapInputs } from './call-types.ts'
import { describeView } from './describe-engines.ts'
import { askQueueStatus, controlEngines, recordsAt } from './engine-control.ts'
import { decodeExecuteReply, type ExecuteReply } from './execute-reply.ts'
import { type Jobs, recordsOf } from './jobs.ts'
import { type Namespace, namespaceOf } from './namespace.ts'
import { type ParallelFunction, type ParallelOptions, parallelFunction } from './parallel-function.ts'
import { type Distribution, flattened, joinPieces, partition } from './partition.ts'
import type { QueueStatus } from './queue-status.ts'
import { type Decode, seal } from './request-record.ts'
import type { Shaped, ViewShape } from './shape.ts'
import { readSourceFile } from './source-file.ts'
import type { Outgoing } from './submission.ts'
import { type Importers, importBoth, type Modules } from './sync-imports.ts'
import { currentIds, resolveTargets, type Target, type Targets } from './targets.ts'
import {
  decodeNothing,
  decodeValue,
  type ExecuteOptions,
  executeContent,
  OWN_MARK,
  type ViewHost,
  type ViewOptions,
} from './view.ts'

/** Options of the views that address engines themselves. */
export interface EnginesViewOptions extends ViewOptions {
  /** `map`: put errors in the results instead of throwing at the first. */
  readonly returnExceptions?: boolean
  /** `map`: iterate results in input order (default), or as they come. */
  readonly ordered?: boolean
}

export const ENGINES_VIEW_OPTIONS = [
  'targets',
  'track',
  'signal',
  'returnExceptions',
  'ordered',
] as const satisfies (keyof EnginesViewOptions)[]

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

const PUSH = new Operation('push')
const PULL = new Operation('pull')

/** A piece of what is sent, and who gets it. */
interface Part {
  readonly target: Target
  readonly buffers: Message
}

/**
 * What DirectView and BroadcastView have in common: engines that are addressed themselves, and all calls on them. They
 * differ in how a message gets there.
 */
export abstract class EnginesView<
  Shape extends ViewShape,
  Options extends EnginesViewOptions,
  InPlace = never,
> {
  protected readonly host: ViewHost
  protected readonly options: Options

  /** Made by a Client. */
  constructor(host: ViewHost, options: Options) {
    this.host = host
    this.options = options
  }

  /** Ids of its engines, now. */
  get targets(): Shaped<Shape, number> {
    const ids = currentIds(this.host.roster, this.#targetsNow)
    return (this.#isSingle ? ids[0] : ids) as Shaped<Shape, number>
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
    return this.#call('apply', fn as Callee, args)
  }

  /**
   * A function that calls `fn` on every target.
   *
   * @example
   * const twice = view.remote((x: number) => 2 * x)
   * await twice(4)                  // [8, 8, 8, 8]
   */
  remote<Args extends unknown[], Value>(
    fn: (...args: Args) => Value,
  ): (...args: RemoteArguments<Args>) => AsyncResult<Shaped<Shape, Awaited<Value>>, Shape> {
    return (...args) => this.apply(fn, ...args)
  }

  /**
   * A function that cuts its sequences into one piece an engine, calls `fn` on each, and joins the results.
   *
   * @example
   * const sorted = view.parallel((xs: number[]) => xs.sort())
   * await sorted([3, 1, 2])
   */
  parallel<Args extends unknown[], Value>(
    fn: (...args: Args) => Value,
    options: ParallelOptions = {},
  ): ParallelFunction<Args, Value> {
    return parallelFunction(fn, options, {
      pieces: () => this.#resolve().length,
      call: (callee, pieces, assemble) => {
        const targets = this.#resolve()
        checkLanguage(targets, callee)
        const parts = pieces.map((args, i) => {
          const target = targets[i]!
          return { target, buffers: packFor(target.language, callee, args) }
        })
        return this.#deal('parallel', parts, decodeValue, assemble)
      },
      map: (callee, inputs) => this.#map(callee, inputs as Iterable<unknown>[]),
    })
  }

  /**
   * Runs source text at the top level of every target: what it declares stays, whatever it declares it with. TypeScript,
   * `import` and top-level `await` work.
   *
   * @throws InvalidTargetError or NoEnginesError at once when there is nobody to run it.
   * @throws RemoteError (when awaited) for what it throws, a SyntaxError included.
   * @example
   * await view.execute('const c = a * b')
   */
  execute(code: string, options: ExecuteOptions = {}): AsyncResult<Shaped<Shape, ExecuteReply>, Shape> {
    return this.#execute('execute', code, options)
  }

  /**
   * Runs the source text of a file, JavaScript or TypeScript, at the top level of every target: what it declares stays.
   *
   * @param file - a path from the working directory, or a `file:` URL; it is read here.
   * @throws UsageError at once when it cannot be read.
   */
  run(file: string | URL, options: ExecuteOptions = {}): AsyncResult<Shaped<Shape, ExecuteReply>, Shape> {
    const { path, text } = readSourceFile(file)
    return this.#execute('run', text, options, path)
  }

  /**
   * Sets variables on every target.
   *
   * @param values - the values by their names.
   * @throws SerializationError at once when a value cannot travel.
   * @example
   * await view.push({ a: 6, b: new Float64Array(1000) })
   */
  push(values: Readonly<Record<string, unknown>>): AsyncResult<void, Shape, void> {
    return this.#call('push', PUSH, [values], decodeNothing, nothing)
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
    return this.#call('pull', PULL, [names])
  }

  /**
   * Cuts a sequence into one piece an engine, and sets each engine's piece as `name`. Typed arrays and NDArrays keep
   * their type; an NDArray is cut along its first axis.
   *
   * @param sequence - where it has fewer elements than there are engines, some get an empty piece.
   * @throws SerializationError at once when an element cannot travel.
   * @example
   * await view.scatter('part', new Float64Array(1000))
   */
  scatter(
    name: string,
    sequence: Iterable<unknown>,
    options: ScatterOptions = {},
  ): AsyncResult<void, Shape, void> {
    const targets = this.#resolve()
    const pieces = partition(sequence, targets.length, options.dist)
    const parts = targets.map((target, i) => {
      const piece = options.flatten === true ? flattened(pieces[i]) : pieces[i]
      return { target, buffers: packFor(target.language, PUSH, [{ [name]: piece }]) }
    })
    return this.#deal('scatter', parts, decodeNothing, nothing)
  }

  /**
   * Joins the pieces that the engines hold as `name`: the inverse of `scatter`.
   *
   * @returns a sequence of the kind of the pieces.
   * @throws RemoteError (when awaited) with a ReferenceError where there is no such name.
   * @example
   * const whole = await view.gather<Float64Array>('part')
   */
  gather<Sequence = unknown[]>(
    name: string,
    options: GatherOptions = {},
  ): AsyncResult<Sequence, Shape, unknown> {
    const assemble = (pieces: unknown[]) => joinPieces(pieces, options.dist)
    return this.#call('gather', PULL, [name], decodeValue, assemble)
  }

  /**
   * Calls `fn` for each element, cut into one block an engine. Several iterables are zipped to the shortest.
   *
   * @returns the values in input order.
   * @throws SerializationError at once when the function or an element cannot travel; UsageError for an async iterable.
   * @example
   * await view.map((x, y) => x + y, [1, 2, 3], [10, 20, 30])      // [11, 22, 33]
   */
  map<Args extends unknown[], Value>(
    fn: (...args: Args) => Value,
    ...inputs: SyncMapInputs<Args>
  ): AsyncMapResult<Awaited<Value> | InPlace> {
    return this.#map(fn, inputs as Iterable<unknown>[])
  }

  /**
   * Opens every target to Jupyter's clients on its own machine: `jupyter console --existing <file>` then talks to the
   * very process that runs this cluster's requests, and sees its variables.
   *
   * @returns path of the kernel connection file that each engine wrote, readable by its user alone.
   */
  bindKernel(): AsyncResult<Shaped<Shape, string>, Shape> {
    return this.#call('bindKernel', new Operation('bind_kernel'), [])
  }

  /** The engines' variables as properties: assigning pushes, reading pulls. */
  get namespace(): Namespace {
    return namespaceOf(this as EnginesView<ViewShape, EnginesViewOptions, unknown>)
  }

  /**
   * Imports modules here and on every target, where they are kept under names: those of the object, or for specifiers
   * alone their last part (`'node:os'` is `os`, `'./lib/shapes.js'` is `shapes`). A path is taken from the working
   * directory.
   *
   * @returns the modules here, once they are there too.
   * @throws what the import fails with, here or (as RemoteError) there.
   * @example
   * const { os } = await view.syncImports({ os: () => import('node:os') })
   * await view.execute('os.hostname()')
   */
  syncImports<Imported extends Importers>(importers: Imported): Promise<Modules<Imported>>
  syncImports<Imported extends readonly unknown[] = Record<string, unknown>[]>(
    ...specifiers: string[]
  ): Promise<Imported>
  syncImports(...what: (string | Importers)[]): Promise<unknown> {
    return importBoth(this as EnginesView<ViewShape, EnginesViewOptions, unknown>, what)
  }

  /** How much each of its engines has before it, and has done. */
  queueStatus(options?: { readonly verbose?: false }): Promise<QueueStatus<number>>
  queueStatus(options: { readonly verbose: true }): Promise<QueueStatus<readonly string[]>>
  queueStatus(
    options: { readonly verbose?: boolean } = {},
  ): Promise<QueueStatus<number | readonly string[]>> {
    return askQueueStatus(this.host, this.#targetsNow, options.verbose ?? false)
  }

  /**
   * Asks its engines not to run what they have not started; those requests then fail with TaskAborted.
   *
   * @param jobs - default: everything that this client has asked of them.
   */
  async abort(jobs?: Jobs): Promise<void> {
    const records = jobs === undefined ? this.host.outstanding() : recordsOf(this.host, jobs)
    await this.host.abort(recordsAt(this.host, records, this.#targetsNow))
  }

  /** Empties the namespaces of its engines. */
  async clear(): Promise<void> {
    await controlEngines(this.host, this.#targetsNow, 'clear_request', {})
  }

  /**
   * Sends a signal to the processes of its engines, even while they are busy.
   *
   * @param signal - default `'SIGTERM'`, which ends them; `'SIGINT'` interrupts what they run.
   */
  async kill(signal: NodeJS.Signals | number = 'SIGTERM'): Promise<void> {
    await controlEngines(this.host, this.#targetsNow, 'signal_request', { sig: signal })
  }

  /** Ends its engines, which say that they will and then do; with `restart` they start again. The controller goes on. */
  async shutdown(options: { readonly restart?: boolean } = {}): Promise<void> {
    const { restart = false } = options
    await controlEngines(this.host, this.#targetsNow, 'shutdown_request', { restart })
  }

  toString(): string {
    const ids = currentIds(this.host.roster, this.#targetsNow)
    return describeView(this.constructor.name, this.options.targets, ids)
  }

  [inspect.custom](): string {
    return this.toString()
  }

  /** Sends one message, the same for all of `targets`. */
  protected abstract post(targets: readonly Target[], message: Outgoing): void

  get #isSingle(): boolean {
    return typeof this.options.targets === 'number'
  }

  get #targetsNow(): Targets {
    return this.options.targets ?? 'all'
  }

  #resolve(): Target[] {
    return resolveTargets(this.host.roster, this.#targetsNow)
  }

  #execute(what: string, code: string, options: ExecuteOptions, file?: string): AsyncResult<never, Shape> {
    const result = this.#result(what, undefined)
    this.post(this.#resolve(), {
      type: 'execute_request',
      metadata: file === undefined ? OWN_MARK : { itsparallel: { ...OWN_MARK.itsparallel, file } },
      owner: result,
      decode: decodeExecuteReply,
      signal: this.options.signal,
      content: executeContent(code, options),
    })
    return this.#sent(result)
  }

  /** One payload, packed once for each language that the targets run. */
  #call(
    what: string,
    callee: Callee,
    args: readonly unknown[],
    decode: Decode = decodeValue,
    assemble?: Assemble,
  ): AsyncResult<never, Shape, never> {
    const targets = this.#resolve()
    const buffersFor = packForEach(targets, callee, args)
    const result = this.#result(what, assemble)
    for (const run of languageRuns(targets))
      this.post(run, this.#applying(result, decode, buffersFor(run[0]!)))
    return this.#sent(result)
  }

  /** Each target a payload of its own. */
  #deal(
    what: string,
    parts: readonly Part[],
    decode: Decode,
    assemble: Assemble,
  ): AsyncResult<never, Shape, never> {
    const result = this.#result(what, assemble)
    for (const { target, buffers } of parts) this.post([target], this.#applying(result, decode, buffers))
    return this.#sent(result)
  }

  #applying(owner: AsyncResult<never, Shape>, decode: Decode, buffers: Message): Outgoing {
    return {
      type: 'apply_request',
      metadata: OWN_MARK,
      owner,
      decode,
      signal: this.options.signal,
      buffers,
    }
  }

  #result(what: string, assemble: Assemble | undefined): AsyncResult<never, Shape, never> {
    return new AsyncResult(this.host, what, this.#isSingle, assemble)
  }

  #sent(result: AsyncResult<never, Shape, never>): AsyncResult<never, Shape, never> {
    if (this.options.track === true) result[trackSent]()
    return result[seal]()
  }

  #map<Value>(fn: AnyFunction, inputs: readonly Iterable<unknown>[]): AsyncMapResult<Value> {
    return mapInBlocks(fn, inputs, {
      host: this.host,
      options: this.options,
      targets: () => this.#resolve(),
      post: (target, message) => this.post([target], message),
    })
  }
}

function nothing(): undefined {
  return undefined
}

import { inspect } from 'node:util'
import { UsageError } from '../errors.ts'
import type { MessageType, TaskMetadata } from '../protocol/catalogue.ts'
import type { Callee, Reference } from '../serialize/payload.ts'
import type { Message } from '../transport/socket.ts'
import { AsyncMapResult } from './async-map-result.ts'
import { AsyncResult, trackSent } from './async-result.ts'
import { packFor, taskLanguage } from './call-language.ts'
import type { InPlaceWith, MapInputs, RemoteArguments } from './call-types.ts'
import { cancelOn } from './cancel-on.ts'
import { type Columns, checkInputs, columnReader, type Input } from './columns.ts'
import { type DependencyInput, wireDependency } from './dependency.ts'
import { describeView } from './describe-engines.ts'
import { decodeExecuteReply, type ExecuteReply } from './execute-reply.ts'
import { mapDecoder, packMapCall } from './map-call.ts'
import { MapRun } from './map-run.ts'
import { checkOptionKeys } from './option-keys.ts'
import { type ParallelFunction, type ParallelOptions, parallelFunction } from './parallel-function.ts'
import { type Decode, seal } from './request-record.ts'
import type { Roster } from './state/roster.ts'
import { currentIds, isLanguage, resolveTargets, type Targets } from './targets.ts'
import {
  decodeValue,
  type ExecuteOptions,
  executeContent,
  OWN_MARK,
  taskMark,
  type ViewHost,
  type ViewOptions,
} from './view.ts'

/** Options of a LoadBalancedView. */
export interface LoadBalancedViewOptions extends ViewOptions {
  /** Run a task again, elsewhere, after its function threw: at most so many times. Default 0. */
  readonly retries?: number
  /** Start only when these have ended. */
  readonly after?: DependencyInput
  /** Run only on an engine where these ran. */
  readonly follow?: DependencyInput
  /** Seconds that a task may wait for its dependencies; then it fails with TaskTimeout. Default: for ever. */
  readonly timeout?: number
  /** `map`: elements a message. The default, `'auto'`, measures how long elements take and adapts. */
  readonly chunkSize?: number | 'auto'
  /** `map`: iterate results in input order (default), or as they come; and which error ends it: see AsyncMapResult. */
  readonly ordered?: boolean
  /**
   * `map`: how many messages may be under way. Default: three an engine. Input that is not an array is read no further
   * than these have room for.
   */
  readonly maxOutstanding?: number
  /** `map`: put errors in the results, as RemoteErrors with their `index`, instead of throwing at the first. */
  readonly returnExceptions?: boolean
}

const OPTIONS = [
  'targets',
  'track',
  'signal',
  'retries',
  'after',
  'follow',
  'timeout',
  'chunkSize',
  'ordered',
  'maxOutstanding',
  'returnExceptions',
] as const satisfies (keyof LoadBalancedViewOptions)[]

/**
 * Engines taken as one: each task runs on whichever is free, and again elsewhere when its engine dies.
 *
 * Tasks wait in the controller while there are no engines. A view is cheap and immutable; `with` gives another one with
 * other options.
 *
 * @example
 * const view = rc.loadBalancedView()
 * await view.apply((a, b) => a + b, 1, 2)          // 3
 * await view.map(x => x * x, [1, 2, 3])            // [1, 4, 9]
 */
export class LoadBalancedView<InPlace = never> {
  readonly #host: ViewHost
  readonly #options: LoadBalancedViewOptions

  /** Made by a Client. @throws UsageError for an option that makes no sense. */
  constructor(host: ViewHost, options: LoadBalancedViewOptions) {
    checkOptionKeys('LoadBalancedView', options, OPTIONS)
    checkWhole('retries', options.retries, 0)
    checkWhole('maxOutstanding', options.maxOutstanding, 1)
    if (options.chunkSize !== 'auto') checkWhole('chunkSize', options.chunkSize, 1)
    if (options.timeout !== undefined && !(options.timeout >= 0))
      throw new UsageError(`timeout must be a number of seconds, and is ${options.timeout}`)
    this.#host = host
    this.#options = options
  }

  /** Ids of the engines that it may use, now. */
  get targets(): number[] {
    const { targets = 'all' } = this.#options
    return currentIds(this.#host.roster, targets)
  }

  /** The same view with other options. */
  with<Errors extends boolean | undefined = undefined>(
    options: LoadBalancedViewOptions & { readonly returnExceptions?: Errors },
  ): LoadBalancedView<InPlaceWith<Errors, InPlace>> {
    return new LoadBalancedView(this.#host, { ...this.#options, ...options })
  }

  /**
   * Calls `fn(...args)` on some engine.
   *
   * @throws SerializationError at once when the function or an argument cannot travel.
   * @throws InvalidTargetError at once when the view names an engine that is not there.
   */
  apply<Args extends unknown[], Value>(
    fn: ((...args: Args) => Value) | Reference,
    ...args: RemoteArguments<Args>
  ): AsyncResult<Awaited<Value>, 'one'> {
    const language = this.#language(fn)
    const buffers = packFor(language, fn as Callee, args)
    return this.#sendOne('apply', 'apply_request', undefined, buffers, decodeValue, language)
  }

  /** A function that calls `fn` on some engine: `const twice = view.remote((x: number) => 2 * x); await twice(4)`. */
  remote<Args extends unknown[], Value>(
    fn: (...args: Args) => Value,
  ): (...args: RemoteArguments<Args>) => AsyncResult<Awaited<Value>, 'one'> {
    return (...args) => this.apply(fn, ...args)
  }

  /**
   * A function that cuts its sequences into pieces (of `chunkSize` elements, or one an engine), calls `fn` on each, and
   * joins the results.
   */
  parallel<Args extends unknown[], Value>(
    fn: (...args: Args) => Value,
    options: ParallelOptions = {},
  ): ParallelFunction<Args, Value> {
    return parallelFunction(fn, options, {
      pieces: sequence => this.#pieces(sequence),
      call: (callee, pieces, assemble) => {
        const result = new AsyncResult<never>(this.#host, 'parallel', false, assemble)
        const language = this.#language(callee)
        const metadata = this.#metadata(language)
        for (const args of pieces) {
          const buffers = packFor(language, callee, args)
          this.#host.submit({
            route: 'balanced',
            type: 'apply_request',
            metadata,
            buffers,
            owner: result,
            decode: decodeValue,
            signal: this.#options.signal,
          })
        }
        return result[seal]()
      },
      map: (callee, inputs) => this.#map(callee, inputs as Input[]),
    })
  }

  /**
   * Runs source text at the top level of some engine: of use where it is run for what it does. Where engines run
   * several languages, choose those of the text's: `rc.loadBalancedView({ language: 'python' })`.
   */
  execute(code: string, options: ExecuteOptions = {}): AsyncResult<ExecuteReply, 'one'> {
    const content = executeContent(code, options)
    const { targets = 'all' } = this.#options
    const language = isLanguage(targets) ? targets.language : undefined
    return this.#sendOne('execute', 'execute_request', content, undefined, decodeExecuteReply, language)
  }

  /**
   * Calls `fn` for each element, on whichever engines are free. Several iterables are zipped to the shortest; an async
   * iterable is read as far as there is room.
   *
   * @returns the values, in input order when awaited; iterate it to have each as soon as it is there.
   * @throws SerializationError at once when the function cannot travel.
   * @throws what the input itself throws (when awaited).
   * @example
   * for await (const y of view.map(simulate, parameters())) console.log(y)
   */
  map<Args extends unknown[], Value>(
    fn: (...args: Args) => Value,
    ...inputs: MapInputs<Args>
  ): AsyncMapResult<Awaited<Value> | InPlace> {
    return this.#map(fn, inputs as Input[])
  }

  toString(): string {
    return describeView('LoadBalancedView', this.#options.targets, this.targets)
  }

  [inspect.custom](): string {
    return this.toString()
  }

  #map<Value>(fn: (...args: never[]) => unknown, inputs: readonly Input[]): AsyncMapResult<Value> {
    checkInputs(inputs)
    const {
      ordered = true,
      returnExceptions = false,
      chunkSize = 'auto',
      maxOutstanding,
      signal,
    } = this.#options
    const language = this.#language(fn)
    const pack = (columns: Columns) => packMapCall(language, fn, columns, returnExceptions)
    // Where input makes us wait, its first piece is packed when it is too late to refuse the function at the call.
    pack(inputs.map(() => []))
    const reader = columnReader(inputs)
    const total = reader.remaining
    const result = new AsyncMapResult<Value>(this.#host, { ordered, returnExceptions, total })
    if (signal !== undefined && cancelOn(signal, result)) {
      reader.close()
      return result[seal]()
    }
    const metadata = this.#metadata(language)
    new MapRun(result as AsyncMapResult<unknown>, reader, {
      chunkSize,
      maxOutstanding: maxOutstanding ?? 'auto',
      engines: () => this.#engineCount(),
      pack,
      send: (buffers, firstIndex) => {
        this.#host.submit({
          route: 'balanced',
          type: 'apply_request',
          metadata,
          buffers,
          owner: result,
          decode: mapDecoder(language, returnExceptions),
          firstIndex,
        })
      },
    })
    return result
  }

  /** One task. Written out rather than spread together: this runs once for each of very many tasks. */
  #sendOne<T>(
    what: string,
    type: MessageType,
    content: object | undefined,
    buffers: Message | undefined,
    decode: Decode,
    language: string | undefined,
  ): AsyncResult<T, 'one'> {
    const { signal, track } = this.#options
    const owner = new AsyncResult<T, 'one'>(this.#host, what, true)
    const metadata = this.#metadata(language)
    this.#host.submit({ route: 'balanced', type, content, metadata, buffers, owner, decode, signal })
    if (track === true) owner[trackSent]()
    return owner[seal]()
  }

  /** Left out is what is at its default: most tasks carry only our mark. @param language - undefined: nobody says it. */
  #metadata(language: string | undefined): TaskMetadata {
    const { targets = 'all', after, follow, timeout, retries } = this.#options
    const mark = language === undefined ? OWN_MARK : taskMark(language)
    const engines = uuidsOf(this.#host.roster, targets, language)
    if (
      engines === undefined &&
      after === undefined &&
      follow === undefined &&
      timeout === undefined &&
      retries === undefined
    )
      return mark
    return {
      ...mark,
      ...(engines !== undefined && { targets: engines }),
      ...(after !== undefined && { after: wireDependency(after) }),
      ...(follow !== undefined && { follow: wireDependency(follow) }),
      ...(timeout !== undefined && { timeout }),
      ...(retries !== undefined && { retries }),
    }
  }

  #language(callee: unknown): string {
    return taskLanguage(this.#host.roster, this.#options.targets ?? 'all', callee)
  }

  #engineCount(): number {
    return currentIds(this.#host.roster, this.#options.targets ?? 'all').length
  }

  #pieces(sequence: Iterable<unknown>): number {
    const { chunkSize } = this.#options
    if (typeof chunkSize !== 'number') return Math.max(1, this.#engineCount())
    const length = (sequence as { readonly length?: number }).length ?? [...sequence].length
    return Math.max(1, Math.ceil(length / chunkSize))
  }
}

function checkWhole(name: string, value: number | undefined, least: number): void {
  if (value !== undefined && !(Number.isInteger(value) && value >= least))
    throw new UsageError(`${name} must be a whole number of at least ${least}, and is ${value}`)
}

/**
 * Uuids of the engines that a task may run on; undefined where these are all, or all of its language, whenever they join.
 * A controller of Python's knows of no languages: to it the engines that there are now are named.
 */
function uuidsOf(
  roster: Roster,
  targets: Targets,
  language: string | undefined,
): readonly string[] | undefined {
  const isHeeded = roster.isTold || roster.languages.length <= 1
  if (targets === 'all' && isHeeded) return undefined
  const engines = resolveTargets(roster, targets)
  if (isLanguage(targets) && isHeeded) return undefined
  const able = language === undefined ? engines : engines.filter(engine => engine.language === language)
  return able.map(({ uuid }) => uuid)
}

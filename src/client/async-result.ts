import { inspect } from 'node:util'
import { TimeoutError, UsageError } from '../errors.ts'
import { collectValues, valuesByEngine } from './collect-values.ts'
import { describeResult } from './describe-result.ts'
import { type DisplayOptions, displayOutputs } from './display-outputs.ts'
import { type EngineOutput, located, OutputStream } from './output-stream.ts'
import type { Output } from './outputs.ts'
import { streamText } from './outputs.ts'
import type { ProgressOptions } from './progress.ts'
import { describeRequest, type RequestMetadata } from './request-metadata.ts'
import {
  addRecord,
  outputCame,
  type RecordOwner,
  type RequestRecord,
  seal,
  settled,
  taskIds,
} from './request-record.ts'
import type { ResultHost } from './result-host.ts'
import type { EachOf, Shaped, ViewShape } from './shape.ts'

/** How long to wait for a result. */
export interface WaitOptions {
  /** Seconds to wait at most. Default: for ever. */
  readonly timeout?: number
}

/** For views: makes `sent` mean the bytes of this very result. */
export const trackSent = Symbol('trackSent')

/** The empty list of every result that has no request yet. */
const NONE: RequestRecord[] = []

interface Settlers<T> {
  resolve(value: T | PromiseLike<T>): void
  reject(error: unknown): void
}

/** How the values of the requests become the value of the whole. */
export type Assemble = (values: unknown[]) => unknown

/**
 * The pending answer of a request to one or many engines. `await` it, or ask it how far it is.
 *
 * `T` is what awaiting gives. `Shape` tells whether there is one request (`'one'`: `metadata`, `stdout` and the like are
 * single) or one an engine (`'many'`: they are arrays, in the order of the targets). `Each` is what one engine
 * contributes: `for await` gives these, each as soon as it and those before it are there.
 *
 * Holding one and never awaiting it crashes nothing, even when it fails: its promise is made when it is asked for.
 *
 * @example
 * const result = view.apply(() => process.pid)
 * result.ready()        // false
 * await result          // [4711, 4712]
 * result.elapsed        // seconds since it was sent, until the last reply came
 */
export class AsyncResult<T, Shape extends ViewShape = ViewShape, Each = EachOf<T, Shape>>
  implements PromiseLike<T>, AsyncIterable<Each>, RecordOwner
{
  protected readonly host: ResultHost
  protected records: RequestRecord[] = NONE
  readonly #what: string
  readonly #single: boolean
  readonly #assemble: Assemble | undefined
  readonly #createdMs: number
  #open = 0
  #sealed = false
  #receivedMs = 0
  #waiters: (() => void)[] | undefined
  /** Who waits for the next of its parts to end. */
  #steps: (() => void)[] | undefined
  #streams: OutputStream[] | undefined
  #promise: Promise<T> | undefined
  #settlers: Settlers<T> | undefined
  #sent: Promise<void> | undefined

  /**
   * Made by views.
   *
   * @param what - what it is the result of, for messages: `apply`, `map`.
   * @param single - whether its value is that of its one request.
   */
  constructor(host: ResultHost, what: string, single: boolean, assemble?: Assemble) {
    this.host = host
    this.#what = what
    this.#single = single
    this.#assemble = assemble
    this.#createdMs = host.dateMs()
  }

  [addRecord](record: RequestRecord): void {
    // Most results have one request, and an array that grew by `push` has room for sixteen more.
    if (this.records.length === 0) this.records = [record]
    else this.records.push(record)
    if (!record.isSettled) this.#open += 1
  }

  [seal](): this {
    this.#sealed = true
    if (this.ready()) this.#finish()
    return this
  }

  [settled](record: RequestRecord): void {
    this.#open -= 1
    if (record.receivedMs > this.#receivedMs) this.#receivedMs = record.receivedMs
    if (this.#steps !== undefined) this.#step()
    if (this.ready()) this.#finish()
  }

  /** @throws UsageError when they are no tasks, or not all of them have been sent. */
  [taskIds](): string[] {
    const other = this.records.find(({ route }) => route === 'direct' || route === 'broadcast')
    if (other !== undefined)
      throw new UsageError(
        `a task can depend on tasks of a load-balanced view only, and this is the result of a ${other.route} ${this.#what}: await it first`,
      )
    if (!this.#sealed)
      throw new UsageError(
        `a task can depend on this ${this.#what} only when all of it has been sent, and its input is still being read: await it first`,
      )
    return this.msgIds
  }

  [outputCame](record: RequestRecord, output: Output): void {
    if (this.#streams === undefined) return
    for (const stream of this.#streams) stream.push(located(output, record))
  }

  /** As a promise's: what makes it awaitable. */
  then<Value = T, Failure = never>(
    onValue?: ((value: T) => Value | PromiseLike<Value>) | null,
    onError?: ((error: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Value | Failure> {
    return this.#settledPromise().then(onValue, onError)
  }

  /** As a promise's. */
  catch<Failure = never>(
    onError?: ((error: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<T | Failure> {
    return this.#settledPromise().catch(onError)
  }

  /** As a promise's. */
  finally(onEnd?: (() => void) | null): Promise<T> {
    return this.#settledPromise().finally(onEnd)
  }

  /**
   * The value, as `await` gives it.
   *
   * @throws TimeoutError when it is not there after `timeout` seconds; the request itself goes on.
   * @throws what the request failed with: RemoteError, EngineError, TaskAborted …; CompositeError when several parts failed.
   */
  async get(options: WaitOptions = {}): Promise<T> {
    if (options.timeout !== undefined && !(await this.wait(options))) throw this.#late(options)
    return await this.#settledPromise()
  }

  /** Each engine's value as soon as it and those before it are there. @throws at the first that failed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Each, void, undefined> {
    for (const record of this.records) {
      while (!record.isSettled) await this.#nextStep()
      yield (await record.take()) as Each
    }
  }

  /**
   * How each part ended, as `Promise.allSettled` has it: one engine's error does not hide the values of the others.
   *
   * @throws TimeoutError as `get`.
   */
  async allSettled(options: WaitOptions = {}): Promise<PromiseSettledResult<Each>[]> {
    if (!(await this.wait(options))) throw this.#late(options)
    return await Promise.allSettled(this.records.map(async record => (await record.take()) as Each))
  }

  /** Waits until it is ready, at most `timeout` seconds. Never throws what the request failed with. */
  wait(options: WaitOptions = {}): Promise<boolean> {
    if (this.ready()) return Promise.resolve(true)
    const { timeout } = options
    return new Promise(resolve => {
      const cancel =
        timeout === undefined ? undefined : this.host.clock.after(timeout * 1000, () => resolve(this.ready()))
      this.#onFinished(() => {
        cancel?.()
        resolve(true)
      })
    })
  }

  /** Whether every part has ended, well or not. */
  ready(): boolean {
    return this.#sealed && this.#open === 0
  }

  /** Whether it ended without an error. @throws UsageError when it has not ended. */
  successful(): boolean {
    if (!this.ready())
      throw new UsageError(`the result of ${this.#what} is not ready yet: ask ready(), or await it first`)
    return this.records.every(record => record.error === undefined)
  }

  /** Asks the engines not to run what they have not started; that then fails with TaskAborted. */
  async abort(): Promise<void> {
    await this.host.abort(this.records.filter(record => !record.isSettled))
  }

  /**
   * Gives it up: what has not started is not run, what runs is interrupted, and it fails with TaskAborted at once.
   *
   * @returns whether there was anything left to give up.
   */
  cancel(reason?: unknown): boolean {
    const open = this.records.filter(record => !record.isSettled)
    this.host.cancel(open, reason)
    return open.length > 0
  }

  /** One id for each request. */
  get msgIds(): string[] {
    return this.records.map(record => record.msgId)
  }

  /** The engines that it was sent to, or that ran it; undefined for tasks that no engine has answered yet. */
  get targets(): Shaped<Shape, number | undefined> {
    return this.#shaped(record => record.engineId)
  }

  /** What is known of each request: when it was sent, started and completed, where, what it printed, how it ended. */
  get metadata(): Shaped<Shape, RequestMetadata> {
    return this.#shaped(describeRequest)
  }

  /** What it printed so far. */
  get stdout(): Shaped<Shape, string> {
    return this.#shaped(record => streamText(record.outputs, 'stdout'))
  }

  /** What it wrote to stderr so far. */
  get stderr(): Shaped<Shape, string> {
    return this.#shaped(record => streamText(record.outputs, 'stderr'))
  }

  /** Everything that it showed so far. */
  get outputs(): Shaped<Shape, readonly Output[]> {
    return this.#shaped(record => record.outputs ?? [])
  }

  /**
   * Everything that it shows, as it comes, with the engine that it comes from; ends when the result is ready. What came
   * before it was asked for is given first. It never throws what the request failed with.
   *
   * @example
   * for await (const output of result.streamOutputs())
   *   if (output.type === 'stream') process.stdout.write(`${output.engineId}: ${output.text}`)
   */
  streamOutputs(): AsyncIterable<EngineOutput> {
    const earlier = this.records.flatMap(record =>
      (record.outputs ?? []).map(output => located(output, record)),
    )
    const stream = new OutputStream(earlier)
    if (this.ready()) stream.end()
    else if (this.#streams === undefined) this.#streams = [stream]
    else this.#streams.push(stream)
    return stream
  }

  /** Waits until it is ready, and writes what the engines printed and displayed: `[stdout:0] hello`. */
  async displayOutputs(options: DisplayOptions = {}): Promise<void> {
    await this.wait()
    displayOutputs(this.records.map(describeRequest), options)
  }

  /** How many of its parts have ended. */
  get progress(): number {
    return this.records.length - this.#open
  }

  /** How many parts it has. */
  get length(): number {
    return this.records.length
  }

  /** Seconds from the first submission until now, or until the last reply. */
  get elapsed(): number {
    const endMs = this.ready() ? this.#receivedMs || this.#createdMs : this.host.dateMs()
    return Math.max(0, endMs - this.#submittedMs()) / 1000
  }

  /** Seconds of work on the engines, added up: what it would have taken on one of them. */
  get serialTime(): number {
    return this.records.reduce((sum, record) => sum + record.runMs, 0) / 1000
  }

  /** Seconds from the first submission to the last reply. @throws UsageError when it is not ready. */
  get wallTime(): number {
    if (!this.ready())
      throw new UsageError(`the result of ${this.#what} is not ready yet: use elapsed, or await it first`)
    return this.elapsed
  }

  /** How much faster it was than the same work on one engine. */
  get speedup(): number {
    const { wallTime } = this
    return wallTime === 0 ? 1 : this.serialTime / wallTime
  }

  /** Resolves when its bytes have left this process; without the view's `track`, also those sent since. */
  get sent(): Promise<void> {
    return this.#sent ?? this.host.flushed()
  }

  [trackSent](): void {
    this.#sent = this.host.flushed()
  }

  /** Values by engine number. @throws as `get`, and UsageError when an engine answered more than once. */
  async getDict(options: WaitOptions = {}): Promise<Record<number, Each>> {
    await this.get(options)
    return await valuesByEngine<Each>(this.records)
  }

  /**
   * Shows a progress bar on stderr until it is done; where that is no terminal, a line now and then.
   *
   * @returns false when `timeout` seconds passed before.
   */
  async waitInteractive(options: WaitOptions & ProgressOptions = {}): Promise<boolean> {
    const { showProgress } = await import('./progress.ts')
    return await showProgress(this, this.#what, this.host, options)
  }

  /** `<AsyncResult apply on engines 0–3: 2 of 4 done after 1.204 s>`: what it is, where, and how far. */
  toString(): string {
    return `<${describeResult(`${this.constructor.name} ${this.#what}`, this, this.records)}>`
  }

  get [Symbol.toStringTag](): string {
    return 'AsyncResult'
  }

  [inspect.custom](): string {
    return this.toString()
  }

  /** The value from the parts. Synchronous unless a part needs an import first. */
  protected collect(): T | Promise<T> {
    if (this.#single) return this.records[0]!.take() as T | Promise<T>
    const values = collectValues(this.records, this.#what)
    const assemble = this.#assemble
    if (assemble === undefined) return values as T | Promise<T>
    return (values instanceof Promise ? values.then(assemble) : assemble(values)) as T | Promise<T>
  }

  /** Called before the value is asked for the first time. @throws when it cannot be had any more. */
  protected beforeAwaited(): void {}

  /** Whether anybody has asked for the value. */
  protected get isAwaited(): boolean {
    return this.#promise !== undefined
  }

  #settledPromise(): Promise<T> {
    this.#promise ??= new Promise<T>((resolve, reject) => {
      this.beforeAwaited()
      this.#settlers = { resolve, reject }
      if (this.ready()) this.#settlePromise()
    })
    return this.#promise
  }

  #settlePromise(): void {
    const settlers = this.#settlers
    if (settlers === undefined) return
    this.#settlers = undefined
    try {
      settlers.resolve(this.collect())
    } catch (error) {
      settlers.reject(error)
    }
  }

  #onFinished(wake: () => void): void {
    if (this.#waiters === undefined) this.#waiters = [wake]
    else this.#waiters.push(wake)
  }

  #nextStep(): Promise<void> {
    return new Promise(resolve => {
      if (this.#steps === undefined) this.#steps = [resolve]
      else this.#steps.push(resolve)
    })
  }

  #step(): void {
    const steps = this.#steps
    this.#steps = undefined
    for (const wake of steps!) wake()
  }

  #finish(): void {
    this.#settlePromise()
    const streams = this.#streams
    this.#streams = undefined
    if (streams !== undefined) for (const stream of streams) stream.end()
    const waiters = this.#waiters
    this.#waiters = undefined
    if (waiters !== undefined) for (const wake of waiters) wake()
  }

  #submittedMs(): number {
    return this.records[0]?.submittedMs ?? this.#createdMs
  }

  #shaped<Value>(read: (record: RequestRecord) => Value): Shaped<Shape, Value> {
    if (this.#single && this.records.length === 0)
      throw new UsageError(`what ${this.#what} gives is not known yet: await it first`)
    return (this.#single ? read(this.records[0]!) : this.records.map(read)) as Shaped<Shape, Value>
  }

  #late({ timeout }: WaitOptions): TimeoutError {
    return new TimeoutError(
      `the result of ${this.#what} was not there after ${timeout} s (${this.progress} of ${this.length} done); it goes on, and can be awaited again`,
    )
  }
}

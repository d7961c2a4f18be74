/**
 * Cells, as execute requests bring them: each has a number and is remembered, what goes in and what comes out is shown to
 * whoever listens, and those that wait behind one that failed are given up. When a cell runs, is awaited or torn down is
 * the shell's matter (shell.ts).
 */

import type { MimeBundle } from '../protocol/catalogue.ts'
import type { MaybePromise } from '../serialize/payload.ts'
import type { CapturedOutput } from './captured-output.ts'
import { mimeBundle } from './display.ts'
import type { Evaluator } from './evaluator.ts'
import type { History } from './kernel/history.ts'
import type { Job, ShellReplies } from './shell-replies.ts'
import { type ExecuteContent, readExecute } from './shell-requests.ts'

export interface CellsOptions {
  readonly evaluator: Evaluator
  readonly output: CapturedOutput
  readonly replies: ShellReplies
  /** Takes note of the cells that are to be remembered. */
  readonly history: History
}

/** See the head of this file. */
export class Cells {
  readonly #options: CellsOptions
  #begun = 0
  /** Cells up to this arrival are given up. */
  #givenUpTo = 0

  constructor(options: CellsOptions) {
    this.#options = options
  }

  /** Whether a cell that was there before one failed: it was meant to follow it, and is not run. */
  isGivenUp({ arrival }: Job): boolean {
    return arrival <= this.#givenUpTo
  }

  /** Gives a cell its number, and shows what is about to be run. */
  begin(job: Job, content: ExecuteContent): Cell {
    const { history, output } = this.#options
    this.#begun += 1
    const count = this.#begun
    const { code, silent, storeHistory } = content
    if (storeHistory) history.add(count, code)
    if (!silent) output.publish('execute_input', 'execute_input', { code, execution_count: count }, job.scope)
    return new Cell(this.#options, job, content, count)
  }

  /**
   * Answers a cell that failed.
   *
   * @param arrivals - how many requests have come: those cells among them that have not begun are given up with it.
   */
  fail(job: Job, error: unknown, arrivals: number): void {
    const { silent, stopOnError } = readExecute(job.request)
    if (!silent && stopOnError) this.#givenUpTo = arrivals
    this.#options.replies.failed(job, error, {
      execution_count: this.#begun,
      user_expressions: {},
      payload: [],
    })
  }
}

/** A cell that has begun. */
export class Cell {
  readonly #options: CellsOptions
  readonly #job: Job
  readonly #content: ExecuteContent
  readonly #count: number

  /** Made by `Cells.begin`. */
  constructor(options: CellsOptions, job: Job, content: ExecuteContent, count: number) {
    this.#options = options
    this.#job = job
    this.#content = content
    this.#count = count
  }

  /** Its completion value. @throws what it throws. */
  run(): unknown {
    const { code, file } = this.#content
    return this.#options.evaluator.execute(code, file ?? `<execute ${this.#count}>`)
  }

  /** What is shown of its value; undefined where nothing is. @throws what the value throws when it is asked. */
  shownOf(value: unknown): MaybePromise<MimeBundle> | undefined {
    return this.#content.silent || value === undefined ? undefined : mimeBundle(value)
  }

  /** Shows what its value shows, and answers it. */
  finish(data: unknown): void {
    const { output, replies } = this.#options
    const job = this.#job
    if (data !== undefined) {
      const shown = { data, metadata: {}, execution_count: this.#count }
      output.publish('execute_result', 'execute_result', shown, job.scope)
    }
    replies.ok(job, {
      status: 'ok',
      execution_count: this.#count,
      user_expressions: this.#userExpressions(),
      payload: [],
    })
  }

  #userExpressions(): object {
    const { evaluator, replies } = this.#options
    const results: Record<string, object> = {}
    for (const [name, source] of Object.entries(this.#content.userExpressions)) {
      try {
        const data = mimeBundle(evaluator.evaluate(`(${source}\n)`))
        results[name] = { status: 'ok', data, metadata: {} }
      } catch (error) {
        results[name] = replies.describe(this.#job, error).content
      }
    }
    return results
  }
}

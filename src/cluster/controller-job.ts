/**
 * The controller that a keeper has started: its job, and by which of the two ways it tells that it is ready. A program of
 * this machine says so on its pipe; one that a group launcher has started anywhere is looked for until it answers.
 */

import type { GroupLauncher, Job, Launcher, Program, SingleLauncher } from './launcher.ts'
import type { ProgramEnd } from './state/launch-events.ts'

export interface ControllerJobOptions {
  readonly launcher: Launcher
  readonly program: Program
  /** Resolves with true when the controller answers, and with false when nobody looks for it any more. */
  readonly untilListening: () => Promise<boolean>
  readonly onReady: () => void
  readonly onEnd: (end: ProgramEnd) => void
  /** Called when the id of its job is known that it had not at first. */
  readonly onSubmitted: () => void
}

/** See the head of this file. */
export class ControllerJob {
  readonly #options: ControllerJobOptions
  #job: Job | undefined

  constructor(options: ControllerJobOptions) {
    this.#options = options
  }

  /** Undefined before it is started, and when it has ended. */
  get job(): Job | undefined {
    return this.#job
  }

  start(): void {
    const { launcher } = this.#options
    if (launcher.kind === 'group') this.#startGroup(launcher)
    else this.#startSingle(launcher)
  }

  #startSingle(launcher: SingleLauncher): void {
    const { program, onReady } = this.#options
    this.#job = launcher.submit(program, {
      onEvent: event => {
        if (event.type === 'ready') onReady()
      },
      onEnd: end => this.#ended(end),
    })
  }

  #startGroup(launcher: GroupLauncher): void {
    const { program, untilListening, onReady, onSubmitted } = this.#options
    this.#job = launcher.submit(program, 1, { onEnd: end => this.#ended(end), onSubmitted })
    void untilListening().then(isListening => {
      if (isListening) onReady()
    })
  }

  #ended(end: ProgramEnd): void {
    this.#job = undefined
    this.#options.onEnd(end)
  }
}

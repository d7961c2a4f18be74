import process from 'node:process'
import type { Client } from 'itsparallel'

export interface StormOptions {
  readonly tasks: number
  readonly kills: number
  /** Tasks under way at once. */
  readonly window: number
  /** Which engine is the next victim: a number from 0 up to, not including, 1. */
  readonly random: () => number
}

export interface Storm {
  readonly kills: number
  /** Tasks that were answered, and how many of them with the right value. */
  readonly answered: number
  readonly right: number
  /** Answers that came to a task that had one. */
  readonly again: number
  readonly failures: readonly unknown[]
  readonly seconds: number
}

/**
 * Kills engines in the middle of tasks, one after so many tasks each time, while their keeper brings new ones. Every
 * task gives a number of its own, so that a value that is lost, doubled or mistaken for another is seen.
 */
export async function killStorm(rc: Client, options: StormOptions): Promise<Storm> {
  const { tasks, kills, window, random } = options
  const startMs = performance.now()
  const victims = new Victims(rc)
  const answers = new Uint8Array(tasks)
  const failures: unknown[] = []
  const view = rc.loadBalancedView()
  let [sent, answered, right, killed] = [0, 0, 0, 0]
  await new Promise<void>((resolve, reject) => {
    const ended = (i: number, value: number | undefined): void => {
      answered += 1
      answers[i]! += 1
      if (value === 3 * i + 1) right += 1
      while (killed < kills && answered >= ((killed + 0.5) * tasks) / kills) {
        killed += 1
        victims.killOne(random).catch(reject)
      }
      if (sent < tasks) submit()
      else if (answered === tasks) resolve()
    }
    const submit = (): void => {
      const i = sent++
      view
        .apply((x: number) => 3 * x + 1, i)
        .then(
          value => ended(i, value),
          error => {
            failures.push(error)
            ended(i, undefined)
          },
        )
    }
    while (sent < Math.min(window, tasks)) submit()
  })
  await victims.allKilled()
  const again = answers.reduce((sum, times) => sum + Math.max(0, times - 1), 0)
  return { kills: killed, answered, right, again, failures, seconds: (performance.now() - startMs) / 1000 }
}

/**
 * The live engines' processes, as they come and go.
 *
 * One is killed at random when most of them are there. Were each killed as soon as it comes, the tasks that wait to run
 * again would meet nothing but dying engines, and rightly be taken for what kills them.
 */
class Victims {
  readonly #rc: Client
  readonly #pids = new Map<number, number>()
  readonly #kills: Promise<void>[] = []
  readonly #fewest: number
  #wake: (() => void)[] = []

  constructor(rc: Client) {
    this.#rc = rc
    this.#fewest = Math.ceil(rc.length * 0.75)
    rc.on('engine:registered', ({ id }) => void this.#meet(id))
    rc.on('engine:unregistered', ({ id }) => this.#pids.delete(id))
    for (const id of rc.ids) void this.#meet(id)
  }

  killOne(random: () => number): Promise<void> {
    const kill = this.#killNext(random)
    this.#kills.push(kill)
    return kill
  }

  async allKilled(): Promise<void> {
    await Promise.all(this.#kills)
  }

  async #killNext(random: () => number): Promise<void> {
    while (this.#pids.size < this.#fewest) await new Promise<void>(resolve => this.#wake.push(resolve))
    const ids = [...this.#pids.keys()]
    const id = ids[Math.floor(random() * ids.length)]!
    process.kill(this.#pids.get(id)!, 'SIGKILL')
    this.#pids.delete(id)
  }

  async #meet(id: number): Promise<void> {
    try {
      this.#pids.set(id, await this.#rc.at(id).apply(() => process.pid))
    } catch {
      // It died before it could say.
      return
    }
    const wake = this.#wake
    this.#wake = []
    for (const each of wake) each()
  }
}

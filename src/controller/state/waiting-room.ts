/**
 * The tasks that wait for a free engine. Tasks that may run on the same engines stand in one line, so that a freed
 * engine looks at the head of each line and not at every task. Within and across lines the first come is served first.
 *
 * Invariants
 * 1. A task stands in at most one line, and `task.line` says in which. An entry of a line whose task says otherwise is
 *    a left-over, and skipped when it comes to the head.
 * 2. A line other than the plain one exists only while tasks wait in it.
 */

import { invariant } from '../../base/assert.ts'
import { Queue } from '../../base/queue.ts'
import type { Task } from './task.ts'

/** Where a task may run: on these engines, or on all but those, if they run its language. None of these: anywhere. */
export interface Whereabouts {
  /** What its code is written in; undefined where its client does not say. */
  readonly language?: string | undefined
  readonly include?: ReadonlySet<string> | undefined
  readonly exclude?: ReadonlySet<string> | undefined
}

export const ANYWHERE: Whereabouts = {}

/** An engine, as far as it matters to where tasks may run. */
export interface Place {
  readonly uuid: string
  readonly language: string
}

export function mayRunOn(where: Whereabouts, { uuid, language }: Place): boolean {
  if (where.language !== undefined && where.language !== language) return false
  if (where.include !== undefined) return where.include.has(uuid)
  return where.exclude === undefined || !where.exclude.has(uuid)
}

/** Whether any engine will do that runs the language. */
export function isOpen({ include, exclude }: Whereabouts): boolean {
  return include === undefined && exclude === undefined
}

/** Tasks that may run on the same engines. */
export interface Line {
  readonly key: string
  readonly where: Whereabouts
  readonly entries: Queue<Task>
  waiting: number
}

export class WaitingRoom {
  readonly #plain: Line = { key: '', where: ANYWHERE, entries: new Queue(), waiting: 0 }
  readonly #lines = new Map<string, Line>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** @param turn - larger than that of any task that was added before. */
  add(task: Task, where: Whereabouts, turn: number): void {
    const line = this.#line(where)
    task.line = line
    task.turn = turn
    line.entries.push(task)
    line.waiting += 1
    this.#size += 1
  }

  /** Does nothing for a task that does not wait here. */
  remove(task: Task): void {
    const line = task.line
    if (line === undefined) return
    task.line = undefined
    line.waiting -= 1
    this.#size -= 1
    // Invariant 2.
    if (line.waiting === 0 && line !== this.#plain) this.#lines.delete(line.key)
    if (line.waiting === 0 && line === this.#plain) line.entries.clear()
  }

  /** Takes out the first task that may run on `engine`. */
  takeFor(engine: Place): Task | undefined {
    if (this.#size === 0) return undefined
    let first = head(this.#plain)
    if (this.#lines.size > 0) {
      for (const line of this.#lines.values()) {
        if (!mayRunOn(line.where, engine)) continue
        const task = head(line)
        if (task !== undefined && (first === undefined || task.turn < first.turn)) first = task
      }
    }
    if (first === undefined) return undefined
    first.line!.entries.shift()
    this.remove(first)
    return first
  }

  /** The tasks that wait for particular engines, and not for any of their language. */
  particular(): Task[] {
    return [...this.#lines.values()].filter(({ where }) => !isOpen(where)).flatMap(tasksOf)
  }

  *[Symbol.iterator](): Iterator<Task> {
    yield* tasksOf(this.#plain)
    for (const line of this.#lines.values()) yield* tasksOf(line)
  }

  validate(): void {
    let size = this.#plain.waiting
    for (const [key, line] of this.#lines) {
      invariant(key === line.key && line.waiting > 0, `an empty line ${key} was left`)
      size += line.waiting
    }
    invariant(size === this.#size, 'the lines do not add up')
    for (const task of this) invariant(task.stage === 'queued', `${task.msgId} waits but is ${task.stage}`)
  }

  #line(where: Whereabouts): Line {
    if (where === ANYWHERE) return this.#plain
    const { language, include, exclude } = where
    const key = `${language ?? ''}${engineList('+', include)}${engineList('-', exclude)}`
    let line = this.#lines.get(key)
    if (line === undefined) {
      // Copies: a set may be a task's own, which grows while others stand in this line.
      const own = { language, include: include && new Set(include), exclude: exclude && new Set(exclude) }
      line = { key, where: own, entries: new Queue(), waiting: 0 }
      this.#lines.set(key, line)
    }
    return line
  }
}

function engineList(sign: string, engines: ReadonlySet<string> | undefined): string {
  return engines === undefined ? '' : `${sign}${[...engines].sort().join(',')}`
}

/** The first task of a line; left-overs before it are thrown away. */
function head(line: Line): Task | undefined {
  for (;;) {
    const task = line.entries.peek()
    if (task === undefined || task.line === line) return task
    line.entries.shift()
  }
}

function tasksOf(line: Line): Task[] {
  // A task that left and came back has two entries, of which the first is as good as the second.
  return [...new Set([...line.entries].filter(task => task.line === line))]
}

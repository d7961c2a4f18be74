/**
 * The lifeline: a pipe between a cluster's keeper and each program that it started. The program tells on it, one JSON
 * line each, how far it has come; the end of it tells the program that its keeper is gone, however the keeper died, and
 * that it must end as well.
 *
 * The program finds it as the open file that `$ITSPARALLEL_LIFELINE` names.
 */

import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import * as v from 'valibot'

export const LIFELINE_VARIABLE = 'ITSPARALLEL_LIFELINE'
/** The keeper's process number, for a program that must know whether it is gone without reading the pipe. */
export const KEEPER_VARIABLE = 'ITSPARALLEL_KEEPER'
/** The first descriptor after stdin, stdout and stderr. */
export const LIFELINE_FD = 3
const POLL_MS = 10

const eventSchema = v.variant('type', [
  /** The controller listens and its connection files are there. */
  v.object({ type: v.literal('ready') }),
  /** The hub has given the engine its number. */
  v.object({ type: v.literal('registered'), id: v.number(), uuid: v.string() }),
  /** The engine ends because a client asked it to: nobody need replace it, or whoever keeps it is asked to. */
  v.object({ type: v.literal('leaving'), restart: v.optional(v.boolean(), false) }),
])

export type LifelineEvent = v.InferOutput<typeof eventSchema>

/** What a line says; undefined for what this version does not know. */
export function parseLifelineLine(line: string): LifelineEvent | undefined {
  try {
    const result = v.safeParse(eventSchema, JSON.parse(line))
    return result.success ? result.output : undefined
  } catch {
    return undefined
  }
}

/** A program's view of its keeper. */
export interface KeeperLink {
  /** The program's end of the lifeline; undefined when nobody keeps it. */
  readonly lifeline: number | undefined
  /** Whether the keeper has died. False when nobody keeps this program. */
  isGone(): boolean
  /**
   * Resolves with whether the keeper has died, within `patienceMs` where it has not: a process that is killed closes its
   * pipes a moment before it counts as dead.
   */
  settled(patienceMs: number): Promise<boolean>
}

/** The program's end of the lifeline, taken out of the environment so that its own children do not look for one. */
export function takeLifeline(): KeeperLink {
  const descriptor = Number(process.env[LIFELINE_VARIABLE])
  const keeper = Number(process.env[KEEPER_VARIABLE])
  delete process.env[LIFELINE_VARIABLE]
  delete process.env[KEEPER_VARIABLE]
  // Over ssh it is no process of this machine.
  const isKnown = Number.isInteger(keeper) && keeper > 0
  // Orphans get another parent.
  const isGone = (): boolean => isKnown && process.ppid !== keeper
  return {
    lifeline: Number.isInteger(descriptor) && descriptor > 2 ? descriptor : undefined,
    isGone,
    async settled(patienceMs) {
      const deadlineMs = performance.now() + patienceMs
      while (isKnown && !isGone() && performance.now() < deadlineMs) await delay(POLL_MS)
      return isGone()
    },
  }
}

/** Tells the keeper. Does nothing where there is none, or no longer. */
export function tellKeeper(lifeline: number | undefined, event: LifelineEvent): void {
  if (lifeline === undefined) return
  try {
    writeSync(lifeline, `${JSON.stringify(event)}\n`)
  } catch {
    // The keeper is gone; whoever watches the lifeline acts on it.
  }
}

/** Calls `onGone` once when the keeper is gone. Does not keep the program alive. */
export function watchLifeline(lifeline: number | undefined, onGone: () => void): void {
  if (lifeline === undefined) return
  const socket = new Socket({ fd: lifeline, readable: true, writable: false })
  let gone = false
  const end = (): void => {
    if (gone) return
    gone = true
    socket.destroy()
    onGone()
  }
  socket.on('end', end).on('close', end).on('error', end)
  socket.resume()
  socket.unref()
}

/** A keeper ends what its engines have started; without one, the engine does so itself, and goes with it. */
export function endOwnGroup(): void {
  try {
    process.kill(-process.pid, 'SIGKILL')
  } catch {
    // We lead no group of our own.
  }
}

import { readFileSync } from 'node:fs'
import process from 'node:process'

/**
 * A process, told apart from a later one that was given the same number: by the moment it began, where the system
 * says (Linux), and by its number alone elsewhere.
 */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from the machine's start to the process's; null where the system does not say. */
  readonly startTicks: number | null
}

/** Identity of a process that is running now. */
export function identityOf(pid: number): ProcessIdentity {
  return { pid, startTicks: statOf(pid)?.startTicks ?? null }
}

/** Whether this very process still runs. One that has ended but was not yet reaped by its parent does not. */
export function isRunning(identity: ProcessIdentity): boolean {
  if (!pidExists(identity.pid)) return false
  const stat = statOf(identity.pid)
  if (stat === undefined) return process.platform !== 'linux'
  if (stat.state === 'Z' || stat.state === 'X') return false
  return identity.startTicks === null || stat.startTicks === identity.startTicks
}

/**
 * Whether process `pid` runs and one of `words` occurs in its command line. For numbers that were read from a file
 * that records nothing else; where the system does not show command lines, the number has to do.
 */
export function isRunningProgram(pid: number, words: readonly string[]): boolean {
  if (!isRunning({ pid, startTicks: null })) return false
  try {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return words.some(word => commandLine.includes(word))
  } catch {
    return process.platform !== 'linux'
  }
}

function pidExists(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process, which we may not signal, exists all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function statOf(pid: number): { state: string; startTicks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in parentheses and may hold anything: count from its end (proc(5)).
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', startTicks: Number(fields[19]) }
  } catch {
    return undefined
  }
}

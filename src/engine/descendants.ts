import { readdirSync, readFileSync } from 'node:fs'
import process from 'node:process'

/** Sends a signal to every process that this one started, and to those that they started. Needs /proc. */
export function signalDescendants(signal: NodeJS.Signals): void {
  for (const pid of descendants(process.pid)) {
    try {
      process.kill(pid, signal)
    } catch {
      // It has just ended.
    }
  }
}

/** Every process that another one started, and those that they started. Needs /proc. */
export function descendants(rootPid: number): number[] {
  const parents = readParents()
  const found = [rootPid]
  // What is appended while it runs is visited as well.
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child)
  return found.slice(1)
}

/** The processes that another one started and has not yet taken note of the end of. Needs Linux's /proc; else none. */
export function childrenOf(pid: number): number[] {
  try {
    // Those of a process with several threads are listed by thread; a starter of programs has its first one start them.
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
    return list === '' ? [] : list.split(' ').map(Number)
  } catch {
    return []
  }
}

function readParents(): Map<number, number> {
  const parents = new Map<number, number>()
  for (const name of listProcesses()) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      // The program's name comes second, in brackets, and may hold anything; the parent is two fields behind it.
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // It has just ended.
    }
  }
  return parents
}

function listProcesses(): string[] {
  try {
    return readdirSync('/proc').filter(name => /^\d+$/.test(name))
  } catch {
    return []
  }
}

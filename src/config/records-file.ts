/** Where the records of controllers lie on disk, and when they go. */

import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Millis } from '../base/clock.ts'
import { findPidRecords } from './pid-file.ts'

/** How long records are kept, unless the controller is told otherwise. */
export const RECORDS_AGE_MAX_MS: Millis = 30 * 86_400_000

const RECORDS_FILE = /^ipcontroller(?:-(.+))?\.db$/
/** What SQLite puts beside a database. */
const COMPANIONS = ['', '-wal', '-shm', '-journal']

/** The database of one cluster's records. */
export function recordsFilePath(profileDir: string, clusterId: string): string {
  return join(recordsDirectory(profileDir), `ipcontroller${clusterId === '' ? '' : `-${clusterId}`}.db`)
}

/**
 * Removes the records of clusters that do not run and have written nothing since `beforeMs`.
 *
 * @param beforeMs - ms since 1970; Infinity for all of them.
 * @returns the paths that were removed.
 */
export function sweepRecords(profileDir: string, beforeMs: number): string[] {
  const directory = recordsDirectory(profileDir)
  const removed: string[] = []
  for (const name of namesIn(directory)) {
    const match = RECORDS_FILE.exec(name)
    if (match === null || isRunning(profileDir, match[1] ?? '')) continue
    const files = COMPANIONS.map(suffix => join(directory, name + suffix))
    if (files.some(path => lastWrittenMs(path) >= beforeMs)) continue
    for (const path of files) rmSync(path, { force: true })
    removed.push(files[0]!)
  }
  return removed
}

function recordsDirectory(profileDir: string): string {
  return join(profileDir, 'db')
}

function isRunning(profileDir: string, clusterId: string): boolean {
  return findPidRecords(profileDir, clusterId).some(({ role, running }) => role === 'controller' && running)
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function lastWrittenMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY
}

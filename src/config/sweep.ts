/**
 * Removes what a cluster left behind whose processes are gone: each file has an owner, and goes when its owner no longer
 * runs. Whoever notices an end may call it, at any time and any number of times; it touches nothing that is in use.
 */

import { existsSync, rmSync } from 'node:fs'
import { type ClusterRecord, clusterFilePath, readClusterFile } from './cluster-file.ts'
import { connectionFilePaths } from './connection-files.ts'
import { findPidRecords } from './pid-file.ts'
import { halfWritten } from './private-file.ts'
import { isRunningProgram } from './process-identity.ts'
import { securityDirectory } from './profile.ts'

/** Words in the command lines of a cluster's programs, ours and Python's. */
const PROGRAMS = ['ipcontroller', 'ipengine', 'ipyparallel', 'ipcluster', 'mpiexec', 'mpirun']

/** @returns the paths that were removed. */
export function sweepCluster(profileDir: string, clusterId: string): string[] {
  const removed: string[] = []
  const remove = (path: string): void => {
    for (const found of [...(existsSync(path) ? [path] : []), ...halfWritten(path)]) {
      rmSync(found, { force: true })
      removed.push(found)
    }
  }
  const records = findPidRecords(profileDir, clusterId)
  const clusterFile = clusterFilePath(profileDir, clusterId)
  // What still names jobs is kept until somebody has ended them: `stopCluster`.
  for (const record of records.filter(entry => !entry.running && entry.jobs.length === 0)) {
    if (record.role === 'controller') {
      for (const path of Object.values(connectionFilePaths(securityDirectory(profileDir), clusterId))) {
        remove(path)
      }
    }
    if (record.role === 'cluster') remove(clusterFile)
    remove(record.path)
  }
  const isKept = records.some(entry => entry.running)
  if (!isKept && isAbandoned(clusterFile)) remove(clusterFile)
  return removed
}

/** Numbers of the processes that a cluster file names and that still run. */
export function runningProcesses(record: ClusterRecord): number[] {
  const processes = [
    ...(record.controller === undefined ? [] : [record.controller]),
    ...record.engineSets.flatMap(set => set.engines),
  ]
  return processes.map(entry => entry.pid).filter(pid => isRunningProgram(pid, PROGRAMS))
}

function isAbandoned(clusterFile: string): boolean {
  try {
    const record = readClusterFile(clusterFile)
    return record !== undefined && runningProcesses(record).length === 0
  } catch {
    return false
  }
}

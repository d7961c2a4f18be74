/** Ends a cluster that another process keeps, found by what it left in its profile. */

import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { clusterFilePath, readClusterFile } from '../config/cluster-file.ts'
import { type FoundPidRecord, findPidRecords } from '../config/pid-file.ts'
import { isRunning } from '../config/process-identity.ts'
import { profileName } from '../config/profile.ts'
import { runningProcesses, sweepCluster } from '../config/sweep.ts'
import { LauncherError, NotRunningError } from '../errors.ts'
import { endLeftJobs } from './end-left-jobs.ts'

const POLL_MS = 20
/** Longer than a keeper takes to end the most stubborn engine: its grace, its kill, and some. */
const KEEPER_MS = 8_000
const FORCED_MS = 5_000

/**
 * Resolves when nothing of the cluster is left: no process, no connection file.
 *
 * @throws NotRunningError when nothing of it runs; LauncherError when something cannot be ended.
 */
export async function stopCluster(profileDir: string, clusterId: string): Promise<void> {
  const found = findPidRecords(profileDir, clusterId)
  const hasJobs = found.some(({ jobs, isLocal }) => isLocal && jobs.length > 0)
  const records = found.filter(record => record.running)
  // A controller that is a job runs wherever there was room, and is ended with its job.
  const elsewhere = records.find(({ isLocal, role }) => !isLocal && !(role === 'controller' && hasJobs))
  if (elsewhere !== undefined) {
    throw new LauncherError(
      `the cluster is kept by process ${elsewhere.process.pid} on ${elsewhere.host}: run \`ipcluster stop\` there`,
    )
  }
  const pids = filePids(profileDir, clusterId)
  if (records.length === 0 && pids.length === 0 && !hasJobs) {
    sweepCluster(profileDir, clusterId)
    const where = `profile ${profileName(profileDir)}${clusterId === '' ? '' : ` with cluster id ${clusterId}`}`
    throw new NotRunningError(`no cluster is running on ${where}: \`ipcluster list\` shows those that are`)
  }
  await endKeepers(records.filter(({ isLocal }) => isLocal))
  await endLeftJobs(profileDir, clusterId)
  // What a keeper leaves is what it was killed with; Python's clusters have no keeper of ours at all.
  await endProcesses([...pids, ...filePids(profileDir, clusterId)])
  sweepCluster(profileDir, clusterId)
}

function filePids(profileDir: string, clusterId: string): number[] {
  const record = readClusterFile(clusterFilePath(profileDir, clusterId))
  return record === undefined ? [] : runningProcesses(record)
}

/** Keepers end what they keep; those of further engines first, then the cluster's own, then a controller alone. */
async function endKeepers(records: readonly FoundPidRecord[]): Promise<void> {
  for (const role of ['engines', 'cluster', 'controller'] as const) {
    const group = records.filter(record => record.role === role && isRunning(record.process))
    for (const record of group) sendSignal(record.process.pid, 'SIGTERM')
    const stubborn = await waitUntilGone(group, record => isRunning(record.process), KEEPER_MS)
    for (const record of stubborn) sendSignal(record.process.pid, 'SIGKILL')
    await waitUntilGone(stubborn, record => isRunning(record.process), FORCED_MS)
  }
}

async function endProcesses(pids: readonly number[]): Promise<void> {
  const lives = (pid: number): boolean => isRunning({ pid, startTicks: null })
  const left = [...new Set(pids)].filter(lives)
  for (const pid of left) sendSignal(pid, 'SIGTERM')
  const stubborn = await waitUntilGone(left, lives, FORCED_MS)
  for (const pid of stubborn) sendSignal(pid, 'SIGKILL')
  const undead = await waitUntilGone(stubborn, lives, FORCED_MS)
  if (undead.length > 0) {
    throw new LauncherError(`these processes of the cluster cannot be ended: ${undead.join(', ')}`)
  }
}

/** @returns those that are still there after `timeoutMs`. */
async function waitUntilGone<T>(
  things: readonly T[],
  lives: (thing: T) => boolean,
  timeoutMs: number,
): Promise<T[]> {
  const deadlineMs = performance.now() + timeoutMs
  let left = things.filter(lives)
  while (left.length > 0 && performance.now() < deadlineMs) {
    await delay(POLL_MS)
    left = left.filter(lives)
  }
  return left
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}

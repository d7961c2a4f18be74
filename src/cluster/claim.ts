import process from 'node:process'
import { clusterFilePath, readClusterFile } from '../config/cluster-file.ts'
import { findPidRecords, pidFilePath, pidRecord, writePidFile } from '../config/pid-file.ts'
import { profileName } from '../config/profile.ts'
import { runningProcesses, sweepCluster } from '../config/sweep.ts'
import { ConfigurationError } from '../errors.ts'
import type { KeeperPlan } from './keeper.ts'

/**
 * Makes this process the one keeper of a cluster, or of engines that join it, by its file in `pid/`.
 *
 * @returns the path of that file, to be removed at the end.
 * @throws ConfigurationError when the cluster runs already, or when there is none for engines to join.
 */
export function claimCluster(plan: Pick<KeeperPlan, 'profileDir' | 'clusterId' | 'controller'>): string {
  const { profileDir, clusterId } = plan
  const record = pidRecord(plan.controller === undefined ? 'engines' : 'cluster', clusterId, process.pid)
  sweepCluster(profileDir, clusterId)
  if (plan.controller !== undefined) refuseSecond(profileDir, clusterId)
  const path = writePidFile(profileDir, record, plan.controller !== undefined)
  if (path !== undefined) return path
  // Somebody was faster by a moment.
  refuseSecond(profileDir, clusterId)
  throw new ConfigurationError(
    `cannot claim ${pidFilePath(profileDir, record)}: remove it with \`ipcluster clean\``,
  )
}

function refuseSecond(profileDir: string, clusterId: string): void {
  const where = `profile ${profileName(profileDir)}${clusterId === '' ? '' : `, cluster id ${clusterId}`}`
  const advice =
    'Stop it with `ipcluster stop`, use another --profile, or give another --cluster-id to run both.'
  const keeper = findPidRecords(profileDir, clusterId).find(
    found => found.running && found.role !== 'engines',
  )
  if (keeper !== undefined) {
    const what = keeper.role === 'cluster' ? 'a cluster' : 'a controller'
    const elsewhere = keeper.isLocal ? '' : ` on ${keeper.host}`
    throw new ConfigurationError(
      `${what} is already running on ${where} (process ${keeper.process.pid}${elsewhere}). ${advice}`,
    )
  }
  const other = readClusterFile(clusterFilePath(profileDir, clusterId))
  const pids = other === undefined ? [] : runningProcesses(other)
  if (pids.length > 0) {
    throw new ConfigurationError(`a cluster is already running on ${where} (process ${pids[0]}). ${advice}`)
  }
}

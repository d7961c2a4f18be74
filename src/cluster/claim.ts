import process from 'node:process'
import { clusterFilePath, readClusterFile } from '../config/cluster-file.ts'
import { connectionFilePaths, isListening, removeConnectionFiles } from '../config/connection-files.ts'
import { findPidRecords, type PidRole, pidFilePath, pidRecord, writePidFile } from '../config/pid-file.ts'
import { profileName, securityDirectory } from '../config/profile.ts'
import { runningProcesses, sweepCluster } from '../config/sweep.ts'
import { ConfigurationError, NotRunningError } from '../errors.ts'
import { readClientConnection } from '../protocol/connection-file.ts'

/** What is claimed: the keeping of a cluster, of engines that join one, or the place of its controller. */
export interface Claim {
  readonly profileDir: string
  readonly clusterId: string
  readonly role: PidRole
  /** Leave the connection files of an earlier controller: they are to be used again. */
  readonly keepFiles?: boolean
}

/**
 * Makes this process the one that keeps a cluster or is its controller, by its file in `pid/`, and removes what an
 * earlier one has left.
 *
 * @returns the path of that file, to be removed at the end.
 * @throws ConfigurationError when somebody else holds the place; NotRunningError when there is no cluster to join.
 */
export async function claimCluster(claim: Claim): Promise<string> {
  const { profileDir, clusterId, role } = claim
  if (claim.keepFiles !== true) sweepCluster(profileDir, clusterId)
  if (role === 'engines') await requireController(claim)
  else await refuseSecond(claim)
  const record = pidRecord(role, clusterId, process.pid)
  const path = writePidFile(profileDir, record, role !== 'engines')
  if (path !== undefined) return path
  // The record of a dead controller whose files are to be used again is in the way; anything else was faster than we.
  if (findPidRecords(profileDir, clusterId).some(found => found.running && found.role === role)) {
    await refuseSecond(claim)
  }
  return writePidFile(profileDir, record) ?? pidFilePath(profileDir, record)
}

async function refuseSecond(claim: Claim): Promise<void> {
  const { profileDir, clusterId } = claim
  const running = findPidRecords(profileDir, clusterId).filter(
    // A controller's keeper is there before it: only its like is in its way.
    found =>
      found.running && found.role !== 'engines' && !(claim.role === 'controller' && found.role === 'cluster'),
  )
  for (const { role, process, host, isLocal } of running) {
    const what = role === 'cluster' ? 'a cluster' : 'a controller'
    throw secondError(claim, what, `process ${process.pid}${isLocal ? '' : ` on ${host}`}`)
  }
  if (claim.role === 'cluster') {
    const other = readClusterFile(clusterFilePath(profileDir, clusterId))
    const pids = other === undefined ? [] : runningProcesses(other)
    if (pids.length > 0) throw secondError(claim, 'a cluster', `process ${pids[0]}`)
  }
  if (await controllerListens(claim)) throw secondError(claim, 'a controller', 'it answers')
  if (claim.keepFiles !== true) removeConnectionFiles(securityDirectory(profileDir), clusterId)
}

async function requireController(claim: Claim): Promise<void> {
  if (await controllerListens(claim)) return
  throw new NotRunningError(
    `no controller is running on ${describePlace(claim)} for the engines to join: start a cluster with \`ipcluster start\``,
  )
}

async function controllerListens(claim: Claim): Promise<boolean> {
  const { client } = connectionFilePaths(securityDirectory(claim.profileDir), claim.clusterId)
  try {
    return await isListening(await readClientConnection(client))
  } catch {
    // No file, half a file, an unknown host: nobody who could be reached.
    return false
  }
}

function secondError(claim: Claim, what: string, proof: string): ConfigurationError {
  return new ConfigurationError(
    `${what} is already running on ${describePlace(claim)} (${proof}). Stop it with \`ipcluster stop\`, use another --profile, or give another --cluster-id to run both.`,
  )
}

function describePlace(claim: Claim): string {
  const id = claim.clusterId === '' ? '' : `, cluster id ${claim.clusterId}`
  return `profile ${profileName(claim.profileDir)}${id}`
}

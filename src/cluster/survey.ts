/** Finds the clusters of all profiles, ours and Python's, by what they leave on disk. Asks nobody on the network. */

import { existsSync } from 'node:fs'
import { type ClusterRecord, findClusterFiles, readClusterFile } from '../config/cluster-file.ts'
import { connectionFilePaths } from '../config/connection-files.ts'
import { type FoundPidRecord, findPidRecords } from '../config/pid-file.ts'
import { profileName, securityDirectory } from '../config/profile.ts'
import { runningProcesses } from '../config/sweep.ts'

/** `partial`: its controller or its keeper is gone while something of it still runs. */
export type ClusterState = 'running' | 'starting' | 'partial' | 'stopped'

export interface ClusterSummary {
  readonly profile: string
  readonly profileDir: string
  readonly clusterId: string
  readonly state: ClusterState
  /** Engine processes that run on this machine, as far as their launchers wrote them down. */
  readonly engines: number
  /** Process that keeps the cluster, or the controller's where nobody does. */
  readonly pid: number | null
  readonly launcher: string
  readonly connectionFile: string
}

/** Every cluster that has left a file in one of `profileDirs`, running or not. */
export function surveyClusters(profileDirs: readonly string[]): ClusterSummary[] {
  return profileDirs.flatMap(profileDir => {
    const files = new Map<string, ClusterRecord | undefined>()
    for (const path of findClusterFiles(profileDir)) {
      const record = readable(path)
      if (record !== undefined) files.set(record.clusterId, record)
    }
    const records = findPidRecords(profileDir)
    for (const { clusterId } of records) if (!files.has(clusterId)) files.set(clusterId, undefined)
    return [...files].map(([clusterId, file]) =>
      summarize(
        profileDir,
        clusterId,
        file,
        records.filter(record => record.clusterId === clusterId),
      ),
    )
  })
}

function readable(path: string): ClusterRecord | undefined {
  try {
    return readClusterFile(path)
  } catch {
    // Somebody else's file, or half of one: not ours to judge while listing.
    return undefined
  }
}

function summarize(
  profileDir: string,
  clusterId: string,
  file: ClusterRecord | undefined,
  records: readonly FoundPidRecord[],
): ClusterSummary {
  const connectionFile = connectionFilePaths(securityDirectory(profileDir), clusterId).client
  const pids = file === undefined ? [] : runningProcesses(file)
  const running = records.filter(record => record.running)
  const keeper = running.find(record => record.role === 'cluster')
  const controllerPid =
    running.find(record => record.role === 'controller')?.process.pid ??
    pids.find(pid => pid === file?.controller?.pid)
  const pid = keeper?.process.pid ?? controllerPid ?? null
  const anything = running.length > 0 || pids.length > 0 || records.some(({ jobs }) => jobs.length > 0)
  const listens = controllerPid !== undefined && existsSync(connectionFile)
  const engines = pids.filter(one => one !== file?.controller?.pid).length
  return {
    profile: profileName(profileDir),
    profileDir,
    clusterId,
    state: listens ? 'running' : !anything ? 'stopped' : keeper === undefined ? 'partial' : 'starting',
    engines,
    pid,
    launcher: file?.engineLauncher ?? 'local',
    connectionFile,
  }
}

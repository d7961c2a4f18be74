import { rmSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connectionFilePaths, isListening } from '../config/connection-files.ts'
import { findPidRecords } from '../config/pid-file.ts'
import { securityDirectory } from '../config/profile.ts'
import { sweepCluster } from '../config/sweep.ts'
import { readClientConnection } from '../protocol/connection-file.ts'

const CONNECTION_FILE = /^ipcontroller-(?:(.+)-)?(?:client|engine)\.json$/
const CLUSTER_FILE = /^cluster-(.*)\.json$/

/**
 * Removes the files of every cluster of a profile that no longer runs, and of controllers that no longer answer. What
 * is in use stays.
 *
 * @returns the paths that were removed.
 */
export async function cleanProfile(profileDir: string): Promise<string[]> {
  const securityDir = securityDirectory(profileDir)
  const names = await readdir(securityDir).catch(() => [])
  const ids = new Set(findPidRecords(profileDir).map(record => record.clusterId))
  for (const name of names) {
    const match = CLUSTER_FILE.exec(name) ?? CONNECTION_FILE.exec(name)
    if (match !== null) ids.add(match[1] ?? '')
  }
  const removed: string[] = []
  for (const clusterId of ids) {
    removed.push(...sweepCluster(profileDir, clusterId))
    removed.push(...(await removeStale(profileDir, securityDir, names, clusterId)))
  }
  return [...new Set(removed)]
}

/** Connection files without a record of their controller: of Python's, or of one killed before there were records. */
async function removeStale(
  profileDir: string,
  securityDir: string,
  names: readonly string[],
  clusterId: string,
): Promise<string[]> {
  if (findPidRecords(profileDir, clusterId).some(record => record.role === 'controller')) return []
  const paths = connectionFilePaths(securityDir, clusterId)
  const present = Object.values(paths).filter(path => names.some(name => join(securityDir, name) === path))
  if (present.length === 0 || (await answers(paths.client))) return []
  for (const path of present) rmSync(path, { force: true })
  return present
}

async function answers(clientFile: string): Promise<boolean> {
  try {
    return await isListening(await readClientConnection(clientFile))
  } catch {
    return false
  }
}

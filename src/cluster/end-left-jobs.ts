import { removeConnectionFiles } from '../config/connection-files.ts'
import { findPidRecords, removePidFile } from '../config/pid-file.ts'
import { securityDirectory } from '../config/profile.ts'
import { sweepCluster } from '../config/sweep.ts'
import { cancelJobs } from './batch/cancel-jobs.ts'

/**
 * Ends the jobs of batch systems whose keeper was killed. Resolves when none of them is left.
 *
 * @throws LauncherError when one cannot be ended.
 */
export async function endLeftJobs(profileDir: string, clusterId: string): Promise<void> {
  const records = findPidRecords(profileDir, clusterId)
  const left = records.filter(({ running, jobs }) => !running && jobs.length > 0)
  if (left.length === 0) return
  await cancelJobs(left.flatMap(record => record.jobs))
  for (const { path } of left) removePidFile(path)
  // What a controller left that was one of them, and did not come to it itself.
  const controller = records.find(({ role, isLocal }) => role === 'controller' && !isLocal)
  if (controller !== undefined) {
    removeConnectionFiles(securityDirectory(profileDir), clusterId)
    removePidFile(controller.path)
  }
  sweepCluster(profileDir, clusterId)
}

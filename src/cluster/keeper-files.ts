/**
 * What a keeper has on disk while it keeps a cluster, so that others find the cluster and can clean up after it: its claim
 * in `pid/`, with the jobs that outlive it, and the cluster file, with whoever keeps the controller.
 */

import process from 'node:process'
import type { Logger } from '../base/log.ts'
import { pidRecord, removePidFile } from '../config/pid-file.ts'
import { sweepCluster } from '../config/sweep.ts'
import { claimCluster } from './claim.ts'
import { type ClusterJobs, ClusterRecorder, identityOf } from './cluster-recorder.ts'
import { JobRecorder } from './job-recorder.ts'
import type { KeeperPlan } from './keeper-plan.ts'

/** See the head of this file. */
export class KeeperFiles {
  readonly #plan: KeeperPlan
  readonly #jobs: () => ClusterJobs
  readonly #clusterFile: ClusterRecorder | undefined
  #claim: { readonly path: string; readonly jobs: JobRecorder } | undefined

  /** @param jobs - those that there are now. */
  constructor(plan: KeeperPlan, jobs: () => ClusterJobs, log: Logger) {
    const { controller } = plan
    this.#plan = plan
    this.#jobs = jobs
    if (controller !== undefined)
      this.#clusterFile = new ClusterRecorder(identityOf(plan, controller.launcher), jobs, log)
  }

  /**
   * Makes this process the keeper.
   *
   * @throws ConfigurationError when somebody else is; NotRunningError when there is no cluster to join.
   */
  async claim(): Promise<void> {
    const { profileDir, clusterId, controller } = this.#plan
    const role = controller === undefined ? 'engines' : 'cluster'
    const path = await claimCluster({ profileDir, clusterId, role })
    const record = pidRecord(role, clusterId, process.pid)
    const jobs = new JobRecorder(profileDir, record, () => {
      const { controller: first, engines } = this.#jobs()
      return [first, ...engines]
    })
    this.#claim = { path, jobs }
  }

  /** Other programs run now than before. */
  programsChanged(): void {
    this.#clusterFile?.writeSoon()
    this.jobsChanged()
  }

  /** A job has its id now. */
  jobsChanged(): void {
    this.#claim?.jobs.writeSoon()
  }

  /** Nothing of the cluster runs any more. Does nothing where nothing was claimed. */
  remove(): void {
    if (this.#claim === undefined) return
    const { path, jobs } = this.#claim
    this.#claim = undefined
    removePidFile(path)
    jobs.close()
    this.#clusterFile?.close()
    // A controller that was killed has left its files.
    sweepCluster(this.#plan.profileDir, this.#plan.clusterId)
  }
}

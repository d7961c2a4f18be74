/** Keeps the cluster file as the cluster is: who it is, and which processes it has. */

import process from 'node:process'
import type { Logger } from '../base/log.ts'
import { type ClusterRecord, removeClusterFile, writeClusterFile } from '../config/cluster-file.ts'
import type { KeeperPlan } from './keeper-plan.ts'
import { LateWrite } from './late-write.ts'
import type { Job, Launcher } from './launcher.ts'

/** What does not change while the cluster runs. */
export type ClusterIdentity = Omit<ClusterRecord, 'controller' | 'engineSets'>

/** The jobs that there are now. */
export interface ClusterJobs {
  readonly controller: Job | undefined
  readonly engines: readonly Job[]
}

/** See the head of this file. */
export class ClusterRecorder {
  readonly #identity: ClusterIdentity
  readonly #jobs: () => ClusterJobs
  readonly #log: Logger
  readonly #file = new LateWrite(() => this.#write())

  constructor(identity: ClusterIdentity, jobs: () => ClusterJobs, log: Logger) {
    this.#identity = identity
    this.#jobs = jobs
    this.#log = log
  }

  writeSoon(): void {
    this.#file.soon()
  }

  /** Removes the file; it is not written again. */
  close(): void {
    this.#file.close()
    removeClusterFile(this.#identity.profileDir, this.#identity.clusterId)
  }

  #write(): void {
    const { controller, engines } = this.#jobs()
    try {
      writeClusterFile({
        ...this.#identity,
        controller: controller && processOf(controller),
        engineSets: [{ id: String(process.pid), engines: engines.map(processOf) }],
      })
    } catch (error) {
      this.#log.warn(`cannot write the cluster file: ${String(error)}`)
    }
  }
}

function processOf({ pid }: Job): { pid: number; outputFile: string } {
  return { pid, outputFile: '' }
}

/** What the cluster file says of a cluster that is kept by this plan. */
export function identityOf(plan: KeeperPlan, controllerLauncher: Launcher): ClusterIdentity {
  const { clusterId, profileDir, n, controllerIp, controllerLocation, engines } = plan
  return {
    clusterId,
    profileDir,
    n,
    controllerIp,
    controllerLocation,
    controllerLauncher: controllerLauncher.name,
    engineLauncher: engines.sets[0]!.launcher.name,
  }
}

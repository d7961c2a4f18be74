import { type PidRecord, writePidFile } from '../config/pid-file.ts'
import { leaveWill } from './last-will.ts'
import { LateWrite } from './late-write.ts'
import type { GroupJob, Job } from './launcher.ts'

/**
 * Keeps on record, in a keeper's file in `pid/`, which jobs of batch systems it has. They have no pipe to their keeper:
 * when it is killed its will ends them, and where that is gone as well, whoever stops the cluster.
 */
export class JobRecorder {
  readonly #profileDir: string
  readonly #record: PidRecord
  readonly #jobs: () => readonly (Job | undefined)[]
  #written = '[]'
  readonly #file = new LateWrite(() => this.#write())
  #revokeWill: (() => void) | undefined

  constructor(profileDir: string, record: PidRecord, jobs: () => readonly (Job | undefined)[]) {
    this.#profileDir = profileDir
    this.#record = record
    this.#jobs = jobs
  }

  writeSoon(): void {
    this.#file.soon()
  }

  /** It is not written again. */
  close(): void {
    this.#file.close()
    this.#revokeWill?.()
  }

  #write(): void {
    const jobs = this.#jobs().flatMap(job => (job as Partial<GroupJob> | undefined)?.record ?? [])
    const text = JSON.stringify(jobs)
    if (text === this.#written) return
    this.#written = text
    writePidFile(this.#profileDir, { ...this.#record, jobs })
    const place = { profileDir: this.#profileDir, clusterId: this.#record.clusterId }
    this.#revokeWill ??= leaveWill(place, 'jobs')
  }
}

import { type PidRecord, writePidFile } from '../config/pid-file.ts'
import { leaveWill } from './last-will.ts'
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
  #isPending = false
  #isClosed = false
  #revokeWill: (() => void) | undefined

  constructor(profileDir: string, record: PidRecord, jobs: () => readonly (Job | undefined)[]) {
    this.#profileDir = profileDir
    this.#record = record
    this.#jobs = jobs
  }

  /** Many jobs come and go at once: the file is written once for all of them. */
  writeSoon(): void {
    if (this.#isPending) return
    this.#isPending = true
    setImmediate(() => {
      this.#isPending = false
      if (!this.#isClosed) this.#write()
    })
  }

  /** It is not written again. */
  close(): void {
    this.#isClosed = true
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

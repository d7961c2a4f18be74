/**
 * Files in `pid/` that tell which processes stand behind a cluster, so that each is found, stopped, and cleaned up after
 * by whoever comes next: the keeper of the cluster (`ipcluster-ID.json`), keepers of further engines
 * (`ipengines-ID-PID.json`), and the controller (`ipcontroller-ID.json`), which owns the connection files. The cluster
 * file has no room for them: Python rewrites it without what it does not know.
 */

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { BATCH_SYSTEM_NAMES, type BatchSystemName } from './launcher-names.ts'
import { writePrivateFile } from './private-file.ts'
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts'
import { pidDirectory } from './profile.ts'

/** What the process keeps: a whole cluster, engines that joined one, or the connection files. */
export type PidRole = 'cluster' | 'engines' | 'controller'

export interface PidRecord {
  readonly role: PidRole
  readonly clusterId: string
  readonly process: ProcessIdentity
  /** Profiles may lie on a file system that several machines share. */
  readonly host: string
  /** ISO 8601, to show. */
  readonly startedAt: string
  /** Jobs of batch systems that it keeps: they may outlive it. */
  readonly jobs?: readonly JobRecord[]
}

/** A job of a batch system, for whoever has to end it. */
export interface JobRecord {
  readonly system: BatchSystemName
  readonly id: string
  /** How the paths of its script and its logs begin. */
  readonly files: string
}

/** A record and the file that holds it. */
export interface FoundPidRecord extends PidRecord {
  readonly jobs: readonly JobRecord[]
  readonly path: string
  /** Whether it still runs; true for processes of other machines, of which we cannot tell. */
  readonly running: boolean
  readonly isLocal: boolean
}

const jobSchema = v.object({ system: v.picklist(BATCH_SYSTEM_NAMES), id: v.string(), files: v.string() })
const recordSchema = v.object({
  role: v.picklist(['cluster', 'engines', 'controller']),
  clusterId: v.string(),
  process: v.object({ pid: v.number(), startTicks: v.nullable(v.number()) }),
  host: v.string(),
  startedAt: v.string(),
  jobs: v.optional(v.array(jobSchema), []),
})

/** The record of process `pid`, which runs on this machine now. */
export function pidRecord(role: PidRole, clusterId: string, pid: number): PidRecord {
  return {
    role,
    clusterId,
    process: identityOf(pid),
    host: hostname(),
    startedAt: new Date().toISOString(),
  }
}

/** Where the record lies. There is one keeper and one controller of a cluster, and any number of `engines` keepers. */
export function pidFilePath(
  profileDir: string,
  record: Pick<PidRecord, 'role' | 'clusterId' | 'process'>,
): string {
  const id = record.clusterId === '' ? '' : `-${record.clusterId}`
  const name =
    record.role === 'engines' ? `ipengines${id}-${record.process.pid}.json` : `ip${record.role}${id}.json`
  return join(pidDirectory(profileDir), name)
}

/**
 * @param exclusive - leave a record that is there alone.
 * @returns the path; undefined when `exclusive` found one there.
 * @throws ConfigurationError when it cannot be written.
 */
export function writePidFile(profileDir: string, record: PidRecord, exclusive = false): string | undefined {
  const path = pidFilePath(profileDir, record)
  return writePrivateFile(path, JSON.stringify(record, undefined, 2), { exclusive }) ? path : undefined
}

export function removePidFile(path: string): void {
  rmSync(path, { force: true })
}

/** Every process that left its record in a profile, running or not; of one cluster where `clusterId` is given. */
export function findPidRecords(profileDir: string, clusterId?: string): FoundPidRecord[] {
  const folder = pidDirectory(profileDir)
  const found: FoundPidRecord[] = []
  for (const name of listFolder(folder)) {
    if (!/^ip(cluster|engines|controller).*\.json$/.test(name)) continue
    const record = readRecord(join(folder, name))
    if (record !== undefined && (clusterId === undefined || record.clusterId === clusterId))
      found.push(record)
  }
  return found
}

function readRecord(path: string): FoundPidRecord | undefined {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
  const result = v.safeParse(recordSchema, json)
  if (!result.success) return undefined
  const isLocal = result.output.host === hostname()
  return { ...result.output, path, isLocal, running: !isLocal || isRunning(result.output.process) }
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path).sort()
  } catch {
    return []
  }
}

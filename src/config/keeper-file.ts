/**
 * Files in `pid/` that tell which processes keep a cluster: one for the process that started the cluster
 * (`ipcluster-ID.json`), one more for each that added engines to it (`ipengines-ID-PID.json`). The cluster file has no
 * room for them: Python rewrites it without what it does not know.
 */

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { writePrivateFile } from './private-file.ts'
import { isRunning, type ProcessIdentity } from './process-identity.ts'
import { pidDirectory } from './profile.ts'

/** What a keeper keeps: a whole cluster, or engines that joined one. */
export type KeeperRole = 'cluster' | 'engines'

export interface Keeper {
  readonly role: KeeperRole
  readonly clusterId: string
  readonly process: ProcessIdentity
  /** Its command, to show. Arguments of ours never hold secrets. */
  readonly program: string
  readonly startedAt: string
}

/** A keeper and the file that names it. */
export interface FoundKeeper extends Keeper {
  readonly path: string
  readonly running: boolean
}

const keeperSchema = v.object({
  role: v.picklist(['cluster', 'engines']),
  clusterId: v.string(),
  process: v.object({ pid: v.number(), startTicks: v.nullable(v.number()) }),
  program: v.string(),
  startedAt: v.string(),
})

export function keeperPath(
  profileDir: string,
  keeper: Pick<Keeper, 'role' | 'clusterId' | 'process'>,
): string {
  const id = keeper.clusterId === '' ? '' : `-${keeper.clusterId}`
  const name = keeper.role === 'cluster' ? `ipcluster${id}.json` : `ipengines${id}-${keeper.process.pid}.json`
  return join(pidDirectory(profileDir), name)
}

/** @throws ConfigurationError when it cannot be written. */
export function writeKeeperFile(profileDir: string, keeper: Keeper): string {
  const path = keeperPath(profileDir, keeper)
  writePrivateFile(path, JSON.stringify(keeper, undefined, 2))
  return path
}

export function removeKeeperFile(path: string): void {
  rmSync(path, { force: true })
}

/** Every keeper that left its file in a profile, running or not; of one cluster where `clusterId` is given. */
export function findKeepers(profileDir: string, clusterId?: string): FoundKeeper[] {
  const folder = pidDirectory(profileDir)
  const found: FoundKeeper[] = []
  for (const name of listFolder(folder)) {
    if (!/^ip(cluster|engines).*\.json$/.test(name)) continue
    const keeper = readKeeper(join(folder, name))
    if (keeper !== undefined && (clusterId === undefined || keeper.clusterId === clusterId))
      found.push(keeper)
  }
  return found
}

function readKeeper(path: string): FoundKeeper | undefined {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
  const result = v.safeParse(keeperSchema, json)
  if (!result.success) return undefined
  return { ...result.output, path, running: isRunning(result.output.process) }
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path).sort()
  } catch {
    return []
  }
}

/**
 * The cluster file, `security/cluster-ID.json`: what runs in a cluster, in the form that Python's `Cluster` class reads
 * and writes, so that each side lists the other's clusters. It holds no connection data and no key.
 * Source: wire-protocol reference, section 1.7.
 */

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as v from 'valibot'
import { ConfigurationError } from '../errors.ts'
import { writePrivateFile } from './private-file.ts'
import { securityDirectory } from './profile.ts'

/** One process of a cluster. `pid` is -1 where a launcher has none to show. */
export interface ProcessRecord {
  readonly pid: number
  readonly outputFile: string
}

export interface EngineSetRecord {
  readonly id: string
  readonly engines: readonly ProcessRecord[]
}

export interface ClusterRecord {
  readonly clusterId: string
  readonly profileDir: string
  /** How many engines it was asked to have. */
  readonly n: number
  readonly controllerIp: string
  readonly controllerLocation: string
  readonly controllerLauncher: string
  readonly engineLauncher: string
  readonly controller: ProcessRecord | undefined
  readonly engineSets: readonly EngineSetRecord[]
}

const text = v.optional(v.string(), '')
const number = v.optional(v.number(), -1)
const processState = v.looseObject({ pid: number, output_file: text })
const fileSchema = v.looseObject({
  cluster: v.looseObject({
    cluster_id: text,
    profile_dir: v.string(),
    n: v.nullish(v.number()),
    controller_ip: text,
    controller_location: text,
  }),
  controller: v.nullish(v.looseObject({ class: text, state: v.nullish(processState) })),
  engines: v.nullish(
    v.looseObject({
      class: text,
      sets: v.optional(
        v.record(
          v.string(),
          v.looseObject({
            pid: number,
            n: number,
            engines: v.optional(v.record(v.string(), processState), {}),
          }),
        ),
        {},
      ),
    }),
  ),
})

export function clusterFilePath(profileDir: string, clusterId: string): string {
  return join(securityDirectory(profileDir), `cluster-${clusterId}.json`)
}

/** @throws ConfigurationError when it cannot be written. */
export function writeClusterFile(record: ClusterRecord): string {
  const path = clusterFilePath(record.profileDir, record.clusterId)
  writePrivateFile(path, JSON.stringify(encode(record)))
  return path
}

export function removeClusterFile(profileDir: string, clusterId: string): void {
  rmSync(clusterFilePath(profileDir, clusterId), { force: true })
}

/** @throws ConfigurationError when it is no cluster file. Undefined where there is none. */
export function readClusterFile(path: string): ClusterRecord | undefined {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ConfigurationError(`${path} is not a usable cluster file: ${(cause as Error).message}`, {
      cause,
    })
  }
  const result = v.safeParse(fileSchema, json)
  if (result.success) return decode(result.output)
  const issue = result.issues[0]
  throw new ConfigurationError(
    `${path} is not a usable cluster file: ${v.getDotPath(issue) ?? ''}: ${issue.message}. Remove it with \`ipcluster clean\`.`,
  )
}

/** Paths of the cluster files in a profile, whoever wrote them. */
export function findClusterFiles(profileDir: string): string[] {
  const folder = securityDirectory(profileDir)
  try {
    return readdirSync(folder)
      .filter(name => /^cluster-.*\.json$/.test(basename(name)))
      .sort()
      .map(name => join(folder, name))
  } catch {
    return []
  }
}

function encode(record: ClusterRecord): object {
  const common = { cluster_id: record.clusterId, profile_dir: record.profileDir, state: 'running' }
  const part = (process: ProcessRecord) => ({ ...common, output_file: process.outputFile, pid: process.pid })
  return {
    cluster: {
      cluster_id: record.clusterId,
      controller_args: [],
      controller_ip: record.controllerIp,
      controller_location: record.controllerLocation,
      delay: 0,
      n: record.n,
      profile_dir: record.profileDir,
      // Python imports what stands here to read the file.
      class: 'ipyparallel.cluster.cluster.Cluster',
    },
    ...(record.controller === undefined
      ? {}
      : { controller: { class: record.controllerLauncher, state: part(record.controller) } }),
    engines: {
      class: record.engineLauncher,
      sets: Object.fromEntries(
        record.engineSets.map(set => [
          set.id,
          {
            ...common,
            n: set.engines.length,
            pid: -1,
            engines: Object.fromEntries(set.engines.map((engine, i) => [i, { ...part(engine), n: 1 }])),
          },
        ]),
      ),
    },
  }
}

function decode(file: v.InferOutput<typeof fileSchema>): ClusterRecord {
  const { cluster, controller, engines } = file
  const sets = Object.entries(engines?.sets ?? {}).map(([id, set]) => ({
    id,
    // A launcher that starts a whole set at once (mpiexec) has one process for it.
    engines: [set, ...Object.values(set.engines)].filter(entry => entry.pid > 0).map(processRecord),
  }))
  return {
    clusterId: cluster.cluster_id,
    profileDir: cluster.profile_dir,
    n: cluster.n ?? 0,
    controllerIp: cluster.controller_ip,
    controllerLocation: cluster.controller_location,
    controllerLauncher: controller?.class ?? 'local',
    engineLauncher: engines?.class ?? 'local',
    controller: controller?.state ? processRecord(controller.state) : undefined,
    engineSets: sets,
  }
}

function processRecord(state: { pid: number; output_file?: unknown }): ProcessRecord {
  return { pid: state.pid, outputFile: typeof state.output_file === 'string' ? state.output_file : '' }
}

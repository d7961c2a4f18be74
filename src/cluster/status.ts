import { connectionFilePaths } from '../config/connection-files.ts'
import { securityDirectory } from '../config/profile.ts'
import { readClientConnection } from '../protocol/connection-file.ts'
import { askHub } from './hub-line.ts'

/** What the hub says of one engine. */
export interface EngineStatus {
  readonly id: number
  readonly uuid: string
  /** Direct requests and broadcasts that it has not answered. */
  readonly queue: number
  /** Load-balanced tasks that it has and has not finished. */
  readonly tasks: number
  readonly completed: number
}

export interface ClusterStatus {
  /** Where the controller was reached. */
  readonly controller: string
  /** Load-balanced tasks that no engine has yet. */
  readonly unassigned: number
  readonly engines: readonly EngineStatus[]
}

/** Requests that an engine has and has not answered. */
export function loadOf({ queue, tasks }: EngineStatus): number {
  return queue + tasks
}

/**
 * Asks a cluster's hub what its engines are doing.
 *
 * @throws ConnectionError when there is no controller, or it does not answer.
 */
export async function askStatus(
  profileDir: string,
  clusterId: string,
  timeoutMs: number,
): Promise<ClusterStatus> {
  const path = connectionFilePaths(securityDirectory(profileDir), clusterId).client
  const connection = await readClientConnection(path)
  const { engines } = await askHub(connection, 'connection_request', {}, timeoutMs)
  const queues = await askHub(connection, 'queue_request', { targets: null }, timeoutMs)
  const uuids = Object.entries(engines as Readonly<Record<string, string>>)
  return {
    controller: `${connection.interface}:${connection.registration}`,
    unassigned: count(queues.unassigned),
    engines: uuids
      .map(([id, uuid]) => {
        const entry = (queues[id] ?? {}) as Readonly<Record<string, unknown>>
        const counts = {
          queue: count(entry.queue),
          tasks: count(entry.tasks),
          completed: count(entry.completed),
        }
        return { id: Number(id), uuid, ...counts }
      })
      .sort((a, b) => a.id - b.id),
  }
}

/** Counts come as numbers, or as lists of message ids. */
function count(value: unknown): number {
  return Array.isArray(value) ? value.length : typeof value === 'number' ? value : 0
}

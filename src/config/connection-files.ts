/**
 * The connection files of a profile: written by a controller once it listens, read by clients and engines, removed when
 * it leaves. They hold the cluster's key, so nobody else may ever read them.
 */

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { connect } from 'node:net'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Millis } from '../base/clock.ts'
import { TimeoutError } from '../errors.ts'
import {
  type ClientConnection,
  type ConnectionRole,
  connectionFileName,
  type EngineConnection,
  resolveInterface,
} from '../protocol/connection-file.ts'
import { writePrivateFile } from './private-file.ts'

/** How often a file that is waited for is looked for: well below what a person or a start-up budget notices. */
const POLL_MS = 20
const PROBE_TIMEOUT_MS = 1000
/** What every ZMTP greeting begins with (RFC 23). */
const ZMTP_GREETING_BYTE = 0xff

/** The two files of one controller. */
export interface ConnectionFiles {
  readonly client: string
  readonly engine: string
}

/** Where the connection files of a cluster lie. */
export function connectionFilePaths(securityDir: string, clusterId = ''): ConnectionFiles {
  return {
    client: join(securityDir, connectionFileName('client', clusterId)),
    engine: join(securityDir, connectionFileName('engine', clusterId)),
  }
}

/**
 * Writes both files, each in one step with mode 0600 in a folder with mode 0700. Call it when the controller listens:
 * peers connect as soon as they see the files.
 *
 * @throws ConfigurationError when they cannot be written.
 */
export function writeConnectionFiles(
  securityDir: string,
  clusterId: string,
  client: ClientConnection,
  engine: EngineConnection,
): ConnectionFiles {
  const paths = connectionFilePaths(securityDir, clusterId)
  // The engines' file first: they have the longer way to go.
  writePrivateFile(paths.engine, JSON.stringify(engine, undefined, 2))
  writePrivateFile(paths.client, JSON.stringify(client, undefined, 2))
  return paths
}

/**
 * Removes the files of a cluster. With `key`, only files that hold this key: another controller may have written its
 * own over them since.
 */
export function removeConnectionFiles(securityDir: string, clusterId = '', key?: string): void {
  for (const path of Object.values(connectionFilePaths(securityDir, clusterId))) {
    if (key === undefined || keyIn(path) === key) rmSync(path, { force: true })
  }
}

function keyIn(path: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { key?: string }).key
  } catch {
    return undefined
  }
}

export interface WaitForFileOptions {
  readonly timeoutMs: Millis
  readonly signal?: AbortSignal | undefined
}

/**
 * Resolves when the file is there.
 *
 * @throws TimeoutError when it does not appear in time; the signal's reason when it is aborted.
 */
export async function waitForFile(path: string, options: WaitForFileOptions): Promise<void> {
  const deadlineMs = performance.now() + options.timeoutMs
  for (;;) {
    options.signal?.throwIfAborted()
    if (await exists(path)) return
    if (performance.now() >= deadlineMs) {
      throw new TimeoutError(
        `${path} did not appear within ${options.timeoutMs / 1000} s: is a controller running on this profile? Start one with \`ipcluster start\`.`,
      )
    }
    await delay(POLL_MS, undefined, options.signal === undefined ? {} : { signal: options.signal })
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

/**
 * Whether a controller answers where a connection file says: false means that the file is stale. Anything that speaks
 * ZMTP counts; another cluster that has taken over the port is found out by the handshake that follows.
 */
export async function isListening(connection: {
  readonly interface: string
  readonly location: string
  readonly registration: number
}): Promise<boolean> {
  const url = await resolveInterface(connection)
  const host = url.slice('tcp://'.length).replace(/^\[(.*)\]$/, '$1')
  return new Promise(resolve => {
    const socket = connect({ host, port: connection.registration, timeout: PROBE_TIMEOUT_MS })
    const answer = (listening: boolean): void => {
      socket.destroy()
      resolve(listening)
    }
    // Either side of a ZMTP connection sends its greeting at once.
    socket.once('data', bytes => answer(bytes[0] === ZMTP_GREETING_BYTE))
    socket.once('timeout', () => answer(false))
    socket.once('error', () => answer(false))
    socket.once('close', () => answer(false))
  })
}

/**
 * The connection file to use: the one given, looked for as it is and then in the security folder, else that of the profile
 * and cluster id.
 */
export function connectionFilePath(
  role: ConnectionRole,
  where: { readonly file?: string | undefined; readonly securityDir: string; readonly clusterId: string },
): string {
  if (where.file === undefined || where.file === '') {
    return connectionFilePaths(where.securityDir, where.clusterId)[role]
  }
  const bareName = basename(where.file) === where.file && !existsSync(where.file)
  return bareName ? join(where.securityDir, where.file) : where.file
}

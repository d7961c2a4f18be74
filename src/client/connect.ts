import { stat } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import { type Logger, silentLogger } from '../base/log.ts'
import { connectionFilePath, isListening, waitForFile } from '../config/connection-files.ts'
import { checkedClusterId, profileDirectory, securityDirectory } from '../config/profile.ts'
import { ConnectionError, DisconnectedError, TimeoutError } from '../errors.ts'
import { type ClientConnection, readClientConnection, resolveInterface } from '../protocol/connection-file.ts'
import type { Transport } from '../transport/socket.ts'
import { tcpTransport } from '../transport/tcp.ts'
import { Dispatcher, type DispatcherEvent } from './dispatcher.ts'

/** Where a cluster is, and how to reach it. Without any of it: the default profile. */
export interface ConnectOptions {
  /** Name of the profile that the cluster was started with. */
  readonly profile?: string
  /** Folder of the profile, wherever it lies. */
  readonly profileDir?: string
  /** Of several clusters on one profile, which. */
  readonly clusterId?: string
  /** Path of `ipcontroller-client.json`; instead of a profile. */
  readonly connectionFile?: string
  /** What that file holds; instead of a file. */
  readonly connection?: ClientConnection
  /** Seconds until the file must be there and the controller must have answered. Default 10. */
  readonly timeout?: number
  /** Seconds that a lost controller may take to come back before everything outstanding fails. Default 5. */
  readonly reconnectTimeout?: number
  readonly log?: Logger
  /** For tests: how frames travel, and what time it is. */
  readonly transport?: Transport
  readonly clock?: Clock
}

interface Found {
  readonly connection: ClientConnection
  /** Where it was found, for messages. */
  readonly source: string
}

/** Finds the controller and shakes hands. @throws ConnectionError that says what was tried, where, and what to do. */
export async function connectDispatcher(
  options: ConnectOptions,
  onEvent: (event: DispatcherEvent) => void,
): Promise<Dispatcher> {
  const timeoutMs = (options.timeout ?? 10) * 1000
  const clock = options.clock ?? systemClock
  const endMs = clock.nowMs() + timeoutMs
  const found = await findConnection(options, timeoutMs)
  const address = await resolveInterface(found.connection)
  const where = `${address}:${found.connection.registration}`
  if (options.transport === undefined && !(await isListening(found.connection)))
    throw new ConnectionError(
      `nobody listens at ${where}, where ${found.source} says the controller is: the file is stale. Start a cluster with \`ipcluster start\`, or remove what is left of the old one with \`ipcluster clean\`.`,
    )
  const dispatcher = new Dispatcher({
    connection: found.connection,
    address,
    transport: options.transport ?? tcpTransport,
    clock,
    dateMs: Date.now,
    log: options.log ?? silentLogger,
    lostPatienceMs: (options.reconnectTimeout ?? 5) * 1000,
    onEvent,
  })
  const opening = dispatcher.open()
  const cancel = clock.after(Math.max(0, endMs - clock.nowMs()), () => void dispatcher.close())
  try {
    await opening
    return dispatcher
  } catch (cause) {
    await dispatcher.close()
    if (cause instanceof DisconnectedError)
      throw new ConnectionError(describeSilence(dispatcher, where, found.source, timeoutMs / 1000))
    throw new ConnectionError(`the controller at ${where} (from ${found.source}) refused us: ${cause}`, {
      cause,
    })
  } finally {
    cancel()
  }
}

function describeSilence(dispatcher: Dispatcher, where: string, source: string, seconds: number): string {
  const tried = `the controller at ${where} (from ${source}) did not answer within ${seconds} s`
  return dispatcher.wasReached
    ? `${tried}, though something listens there: perhaps it is another program, or a controller with another key. Check that the file belongs to the cluster that runs now.`
    : `${tried}: is it still running? Start a cluster with \`ipcluster start\`.`
}

async function findConnection(options: ConnectOptions, timeoutMs: number): Promise<Found> {
  if (options.connection !== undefined)
    return { connection: options.connection, source: 'the connection given' }
  const clusterId = checkedClusterId(options.clusterId)
  const profileDir = profileDirectory(options)
  const path = connectionFilePath('client', {
    file: options.connectionFile,
    securityDir: securityDirectory(profileDir),
    clusterId,
  })
  await waitForConnectionFile(path, profileDir, options, timeoutMs)
  return { connection: await readClientConnection(path), source: path }
}

async function waitForConnectionFile(
  path: string,
  profileDir: string,
  options: ConnectOptions,
  timeoutMs: number,
): Promise<void> {
  // A profile that was never made will not get a cluster in the next seconds: say so at once.
  if (options.connectionFile === undefined && !(await exists(profileDir)))
    throw new ConnectionError(
      `there is no profile folder ${profileDir}: start a cluster with \`ipcluster start${options.profile === undefined ? '' : ` --profile=${options.profile}`}\`.`,
    )
  try {
    await waitForFile(path, { timeoutMs })
  } catch (cause) {
    if (!(cause instanceof TimeoutError)) throw cause
    throw new ConnectionError(
      `there is no connection file ${path}, and none appeared within ${timeoutMs / 1000} s: is a cluster running? Start one with \`ipcluster start\`.`,
      { cause },
    )
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

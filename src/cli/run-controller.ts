import { existsSync } from 'node:fs'
import process from 'node:process'
import type { Logger } from '../base/log.ts'
import { claimCluster } from '../cluster/claim.ts'
import { type KeeperLink, takeLifeline, tellKeeper, watchLifeline } from '../cluster/lifeline.ts'
import {
  connectionFilePaths,
  removeConnectionFiles,
  writeConnectionFiles,
} from '../config/connection-files.ts'
import { removePidFile } from '../config/pid-file.ts'
import { resolvePlace, securityDirectory } from '../config/profile.ts'
import { sweepCluster } from '../config/sweep.ts'
import { type Controller, type ControllerOptions, startController } from '../controller/controller.ts'
import type { RecordStore } from '../controller/records/record-store.ts'
import { readClientConnection, readEngineConnection } from '../protocol/connection-file.ts'
import type { ControllerCommandOptions } from './controller-command.ts'
import { openLog } from './log.ts'
import { assignPorts, portsOf } from './ports.ts'
import { openRecords } from './records.ts'
import { onEndingSignals } from './signals.ts'

/** How long a controller may take to say goodbye to its peers. */
const GOODBYE_MS = 1500
/** How long a keeper whose pipe has ended may take to be dead. */
const KEEPER_DEATH_MS = 1000

interface Place {
  readonly profileDir: string
  readonly clusterId: string
}

/**
 * Runs a controller until it is shut down, gets a signal, or loses its keeper. Ends the process.
 *
 * @throws ConfigurationError when it cannot be started; ConnectionError when a port is in use.
 */
export async function runController(options: ControllerCommandOptions): Promise<void> {
  const keeper = takeLifeline()
  const asked = hearSignals()
  const place = resolvePlace(options)
  const log = await openLog({ program: 'ipcontroller', ...place }, options)
  const keepFiles = options.reuse === true
  const pidFile = await claimCluster({ ...place, role: 'controller', keepFiles })
  let controller: Controller
  let records: RecordStore | undefined
  try {
    records = await openRecords(options, place, log)
    controller = await openController(options, place, records, log)
  } catch (error) {
    await records?.close()
    removePidFile(pidFile)
    throw error
  }
  endWhenAsked(asked, controller, records, keeper, log, () => {
    const { key } = controller.clientConnection
    if (!keepFiles) removeConnectionFiles(securityDirectory(place.profileDir), place.clusterId, key)
    removePidFile(pidFile)
    sweepCluster(place.profileDir, place.clusterId)
  })
  tellKeeper(keeper.lifeline, { type: 'ready' })
  const { interface: address, registration } = controller.clientConnection
  log.info(`listening on ${address}:${registration}`)
}

/** A controller that listens, and whose connection files say where. */
async function openController(
  options: ControllerCommandOptions,
  place: Place,
  records: RecordStore,
  log: Logger,
): Promise<Controller> {
  const controller = await startController({
    records,
    ...(options.reuse === true && (await readForReuse(place))),
    ...chosenOptions(options),
    log,
  })
  try {
    const { clientConnection, engineConnection } = controller
    writeConnectionFiles(
      securityDirectory(place.profileDir),
      place.clusterId,
      clientConnection,
      engineConnection,
    )
    return controller
  } catch (error) {
    await controller.stop()
    throw error
  }
}

function chosenOptions(options: ControllerCommandOptions): ControllerOptions {
  return {
    ...(options.ip !== undefined && { ip: options.ip }),
    ...(options.location !== undefined && { location: options.location }),
    ...(options.ping !== undefined && { pingMs: options.ping }),
    ...(options.hwm !== undefined && { hwm: options.hwm }),
    // An unknown name is refused by the controller, which knows them.
    ...(options.scheme !== undefined && {
      scheme: options.scheme as NonNullable<ControllerOptions['scheme']>,
    }),
    ...(options.port !== undefined && { ports: { registration: options.port } }),
    ...(options.ports !== undefined && { ports: assignPorts(options.ports) }),
  }
}

async function readForReuse(place: Place): Promise<Pick<ControllerOptions, 'key' | 'ports'>> {
  const paths = connectionFilePaths(securityDirectory(place.profileDir), place.clusterId)
  if (!existsSync(paths.client) || !existsSync(paths.engine)) return {}
  const client = await readClientConnection(paths.client)
  return { key: client.key, ports: portsOf(client, await readEngineConnection(paths.engine)) }
}

/** How this process is asked to end. */
interface Asked {
  onSignal: (signal: NodeJS.Signals) => void
}

/**
 * Until it has started, a signal ends it at once; but not in the middle of writing a file, as it would without us. Its
 * keeper, or whoever comes next, removes files that are whole.
 */
function hearSignals(): Asked {
  const asked: Asked = { onSignal: () => process.exit(0) }
  onEndingSignals(
    signal => asked.onSignal(signal),
    () => process.exit(1),
  )
  return asked
}

/** Ends controller and process, once: by a signal, by the end of the keeper, or after a client shut it down. */
function endWhenAsked(
  asked: Asked,
  controller: Controller,
  records: RecordStore,
  keeper: KeeperLink,
  log: Logger,
  removeFiles: () => void,
): void {
  let isEnding = false
  let isOrphaned = false
  const end = async (reason: string): Promise<void> => {
    if (isEnding) return
    isEnding = true
    log.info(`stopping: ${reason}`)
    // First of all: nobody may find the files of a controller that is leaving.
    removeFiles()
    // Peers may be slow to go; what they gave is stored all the same.
    setTimeout(() => void records.close().finally(() => process.exit(0)), GOODBYE_MS).unref()
    await controller.stop()
    // What the keeper itself has left is known to be nobody's only when it is dead.
    if (isOrphaned && (await keeper.settled(KEEPER_DEATH_MS))) removeFiles()
    process.exit(0)
  }
  asked.onSignal = signal => void end(signal)
  watchLifeline(keeper.lifeline, () => {
    isOrphaned = true
    void end('the keeper of this cluster is gone')
  })
  void controller.stopped.then(() => end('it was shut down'))
}

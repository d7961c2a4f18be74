import process from 'node:process'
import type { Logger } from '../base/log.ts'
import { claimCluster } from '../cluster/claim.ts'
import { resolvePlace } from '../cluster/cluster-options.ts'
import { takeLifeline, tellKeeper, watchLifeline } from '../cluster/lifeline.ts'
import {
  connectionFilePaths,
  removeConnectionFiles,
  writeConnectionFiles,
} from '../config/connection-files.ts'
import { removePidFile } from '../config/pid-file.ts'
import { securityDirectory } from '../config/profile.ts'
import { sweepCluster } from '../config/sweep.ts'
import { type Controller, type ControllerOptions, startController } from '../controller/controller.ts'
import { ConfigurationError } from '../errors.ts'
import { readClientConnection, readEngineConnection } from '../protocol/connection-file.ts'
import type { ControllerCommandOptions } from './controller-command.ts'
import { openLog } from './log.ts'
import { parsePorts } from './ports.ts'
import { onEndingSignals } from './signals.ts'

/** How long a controller may take to say goodbye to its peers. */
const GOODBYE_MS = 1500

/**
 * Runs a controller until it is shut down, gets a signal, or loses its keeper. Ends the process.
 *
 * @throws ConfigurationError when it cannot be started.
 */
export async function runController(options: ControllerCommandOptions): Promise<void> {
  const lifeline = takeLifeline()
  const place = resolvePlace(options)
  const { profileDir, clusterId } = place
  const log = await openLog({ program: 'ipcontroller', ...place }, options)
  const reuse = options.reuse === true
  const pidFile = await claimCluster({ ...place, role: 'controller', keepFiles: reuse })
  let controller: Controller
  try {
    controller = await start(options, place, log)
    writeConnectionFiles(
      securityDirectory(profileDir),
      clusterId,
      controller.clientConnection,
      controller.engineConnection,
    )
  } catch (error) {
    removePidFile(pidFile)
    throw error
  }

  const leave = (): void => {
    // First of all: nobody may find files of a controller that is leaving.
    if (!reuse)
      removeConnectionFiles(securityDirectory(profileDir), clusterId, controller.clientConnection.key)
    removePidFile(pidFile)
  }
  const end = async (reason: string): Promise<void> => {
    log.info(`stopping: ${reason}`)
    leave()
    setTimeout(() => process.exit(0), GOODBYE_MS).unref()
    await controller.stop()
  }
  onEndingSignals(
    signal => void end(signal),
    () => process.exit(1),
  )
  watchLifeline(lifeline, () => {
    void end('the keeper of this cluster is gone')
    sweepCluster(profileDir, clusterId)
  })
  tellKeeper(lifeline, { type: 'ready' })
  log.info(
    `listening on ${controller.clientConnection.interface}:${controller.clientConnection.registration}`,
  )
  await controller.stopped
  leave()
  process.exit(0)
}

async function start(
  options: ControllerCommandOptions,
  place: { readonly profileDir: string; readonly clusterId: string },
  log: Logger,
): Promise<Controller> {
  const chosen: ControllerOptions = {
    log,
    ...(options.ip !== undefined && { ip: options.ip }),
    ...(options.location !== undefined && { location: options.location }),
    ...(options.ping !== undefined && { pingMs: options.ping }),
    ...(options.hwm !== undefined && { hwm: options.hwm === 0 ? Number.POSITIVE_INFINITY : options.hwm }),
    ...(options.scheme !== undefined && { scheme: options.scheme }),
    ...(options.ports !== undefined && { ports: parsePorts(options.ports) }),
    ...(options.reuse === true && (await readForReuse(place))),
  }
  try {
    return await startController(chosen)
  } catch (cause) {
    throw explain(cause, options)
  }
}

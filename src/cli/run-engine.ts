import process from 'node:process'
import { newEngineUuid } from '../base/ids.ts'
import { endOwnGroup, takeLifeline, tellKeeper } from '../cluster/lifeline.ts'
import { forgetMemoryReuse } from '../cluster/memory-reuse.ts'
import { connectionFilePath } from '../config/connection-files.ts'
import { resolvePlace, securityDirectory } from '../config/profile.ts'
import { sweepCluster } from '../config/sweep.ts'
import { startEngine } from '../engine/engine.ts'
import {
  type EngineConnection,
  parseEngineConnection,
  readEngineConnection,
} from '../protocol/connection-file.ts'
import { awaitConnectionFile } from './await-connection-file.ts'
import { type EngineCommandOptions, uuidPrefixOf } from './engine-command.ts'
import { openLog } from './log.ts'
import { onEndingSignals } from './signals.ts'

/** How long a keeper whose pipe has ended may take to be dead. */
const KEEPER_DEATH_MS = 300
/** For user code that ended the process itself while nobody had asked for it: never mistaken for a proper end. */
const EXIT_BY_USER_CODE = 70

/**
 * Runs an engine until it is shut down, gets a signal, or loses its keeper or its controller for good. Ends the process.
 *
 * @throws TimeoutError when there is no connection file; ConfigurationError when it cannot be used.
 */
export async function runEngine(options: EngineCommandOptions): Promise<void> {
  const keeper = takeLifeline()
  forgetMemoryReuse(process.env)
  const lifelineFd = keeper.lifeline
  const { profileDir, clusterId } = resolvePlace(options)
  const log = await openLog({ program: 'ipengine', profileDir, clusterId }, options)
  const path = connectionFilePath('engine', {
    file: options.file,
    securityDir: securityDirectory(profileDir),
    clusterId,
  })
  const fromEnvironment = process.env.IPP_CONNECTION_INFO
  const readConnection = async (): Promise<EngineConnection> =>
    fromEnvironment
      ? parseEngineConnection(fromEnvironment, 'IPP_CONNECTION_INFO')
      : readEngineConnection(path)
  if (!fromEnvironment) await awaitConnectionFile(path, options.timeout, keeper)

  const mpi = options.mpi === true ? await joinMpi() : undefined
  const id = mpi === undefined ? options.id : (options.id ?? 0) + mpi.rank
  const engine = await startEngine({
    connection: await readConnection(),
    uuid: newEngineUuid(uuidPrefixOf(options)),
    log,
    readConnection,
    onRegistered: id => tellKeeper(lifelineFd, { type: 'registered', id, uuid: engine.uuid }),
    ...(id !== undefined && { id }),
    ...mpi?.hooks,
    ...(options.controllerTimeout !== undefined && { controllerGoneMs: options.controllerTimeout * 1000 }),
    ...(lifelineFd !== undefined && { lifelineFd }),
  })
  let isLeaving = false
  onEndingSignals(
    () => {
      isLeaving = true
      void engine.stop()
    },
    () => process.exit(1),
    // ^C is for whoever started us; where that is a keeper, it means an interrupt, and comes through the hub.
    lifelineFd === undefined ? [] : ['SIGINT', 'SIGHUP'],
  )
  process.on('exit', code => {
    if (!isLeaving && code === 0) process.exitCode = EXIT_BY_USER_CODE
  })
  const exitCode = await engine.ended
  const isOrphan = !isLeaving && lifelineFd !== undefined && (await keeper.settled(KEEPER_DEATH_MS))
  isLeaving = true
  // The last one out removes what a controller or a keeper that was killed has left.
  sweepCluster(profileDir, clusterId)
  if (isOrphan) endOwnGroup()
  process.exit(exitCode)
}

/**
 * Joins the processes that mpiexec started, and gives user code the name MPI. Before the engine takes note of the
 * global names: the user may then give it another meaning.
 *
 * @throws ConfigurationError when koffi or an MPI library is missing.
 */
async function joinMpi() {
  const { MPI, announceFailure, beginAnew, mayInterrupt } = await import('../mpi/index.ts')
  Object.defineProperty(globalThis, 'MPI', { value: MPI, writable: true, configurable: true })
  const hooks = { onRequestBegun: beginAnew, onRequestFailed: announceFailure, mayInterrupt }
  return { rank: MPI.COMM_WORLD.rank, hooks }
}

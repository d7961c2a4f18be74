/**
 * Runs an engine of another make, such as Python's, in the place of ours. It knows nothing of keepers: this process
 * stands between. It chooses the engine's name, tells the keeper when the hub has it, passes signals on, ends the engine
 * when the keeper is gone, and ends as the engine ended.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { KEPT, newForeignEngineUuid } from '../base/ids.ts'
import { hearGoodbye } from '../cluster/goodbye.ts'
import { askHub, type HubAddress } from '../cluster/hub-line.ts'
import { endOwnGroup, takeLifeline, tellKeeper, watchLifeline } from '../cluster/lifeline.ts'
import { forgetMemoryReuse } from '../cluster/memory-reuse.ts'
import { connectionFilePath, connectionFilePaths } from '../config/connection-files.ts'
import { resolvePlace, securityDirectory } from '../config/profile.ts'
import { sweepCluster } from '../config/sweep.ts'
import { LauncherError } from '../errors.ts'
import { readClientConnection, readEngineConnection } from '../protocol/connection-file.ts'
import { awaitConnectionFile } from './await-connection-file.ts'
import { type EngineCommandOptions, uuidPrefixOf } from './engine-command.ts'
import { EXIT } from './run.ts'
import { onEndingSignals } from './signals.ts'

const HUB_MS = 10_000
const HUB_POLL_MS = 50
/** How long the last words of an engine that has ended may be on their way. */
const GOODBYE_MS = 300
/** How long an engine that was asked to end may take before it is killed. */
const GRACE_MS = 1500

/**
 * Runs the engine until it ends. Ends the process: with its exit code, or by the signal that ended it.
 *
 * @param command - program and first arguments; what Python's `ipengine` takes is added to them.
 * @throws TimeoutError when there is no connection file; LauncherError when the program cannot be started.
 */
export async function runForeignEngine(
  command: readonly string[],
  options: EngineCommandOptions,
): Promise<void> {
  const keeper = takeLifeline()
  forgetMemoryReuse(process.env)
  const { profileDir, clusterId } = resolvePlace(options)
  const path = connectionFilePath('engine', {
    file: options.file,
    securityDir: securityDirectory(profileDir),
    clusterId,
  })
  await awaitConnectionFile(path, options.timeout, keeper)
  const connection = await readEngineConnection(path)

  const uuid = newForeignEngineUuid(uuidPrefixOf(options) || (keeper.lifeline === undefined ? '' : KEPT))
  const [file = '', ...first] = command
  const args = [...first, `--profile-dir=${profileDir}`, `--file=${path}`, `--Session.session=${uuid}`]
  const id = options.mpi === true ? (options.id ?? 0) + rankHere() : options.id
  if (id !== undefined) args.push(`--IPEngine.id=${id}`)
  const engine = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', ...mpiPipe()] })
  const ended = endOf(engine, file)
  let isOrphan = false
  const stop = (): void => {
    engine.kill('SIGTERM')
    setTimeout(() => engine.kill('SIGKILL'), GRACE_MS).unref()
  }
  watchLifeline(keeper.lifeline, () => {
    isOrphan = true
    stop()
  })
  // ^C is for whoever started us; where that is a keeper, it means an interrupt, and comes through the hub.
  const ignored = keeper.lifeline === undefined ? [] : (['SIGINT', 'SIGHUP'] as const)
  onEndingSignals(stop, () => engine.kill('SIGKILL'), ignored)

  const goodbye =
    keeper.lifeline === undefined
      ? undefined
      : tellKeeperOf(engine, { uuid, connection, lifeline: keeper.lifeline, profileDir, clusterId }).catch(
          // The engine runs on without an ear for its goodbye.
          () => {},
        )
  const { code, signal } = await ended
  // An engine says that it was asked to go as it goes.
  if (code === 0 && goodbye !== undefined) await Promise.race([goodbye, delay(GOODBYE_MS)])
  sweepCluster(profileDir, clusterId)
  if (isOrphan) endOwnGroup()
  if (signal === null) process.exit(code ?? EXIT.failed)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

/** The rank that mpiexec gave this process: Open MPI, MPICH and Slurm say it each in a variable of their own. */
function rankHere(): number {
  const { OMPI_COMM_WORLD_RANK, PMI_RANK, SLURM_PROCID } = process.env
  return Number(OMPI_COMM_WORLD_RANK ?? PMI_RANK ?? SLURM_PROCID ?? 0)
}

/** MPICH's mpiexec talks to its ranks on an open file, whose number it tells them: the engine is the rank. */
function mpiPipe(): ('ignore' | 'inherit')[] {
  const number = Number(process.env.PMI_FD)
  if (!Number.isInteger(number) || number < 3) return []
  return [...Array<'ignore'>(number - 3).fill('ignore'), 'inherit']
}

interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

function endOf(engine: ChildProcess, file: string): Promise<End> {
  return new Promise((resolve, reject) => {
    engine.once('exit', (code, signal) => resolve({ code, signal }))
    engine.once('error', cause =>
      reject(
        new LauncherError(`the engine's program ${file} cannot be started: ${cause.message}`, { cause }),
      ),
    )
  })
}

/** What has to be known to hear of an engine. */
interface Whereabouts {
  readonly uuid: string
  readonly connection: HubAddress
  readonly lifeline: number
  readonly profileDir: string
  readonly clusterId: string
}

/** Tells the keeper what our own engines tell theirs. Resolves when the engine has said goodbye. */
async function tellKeeperOf(engine: ChildProcess, where: Whereabouts): Promise<void> {
  const { uuid, lifeline } = where
  const id = await registeredId(engine, where)
  if (id === undefined) return
  tellKeeper(lifeline, { type: 'registered', id, uuid })
  const path = connectionFilePaths(securityDirectory(where.profileDir), where.clusterId).client
  // Clients alone are sent what engines say; on a machine without their file nobody hears an engine's goodbye.
  if (!existsSync(path)) return
  const { restart } = await hearGoodbye(await readClientConnection(path), id)
  tellKeeper(lifeline, { type: 'leaving', restart })
}

/** The hub counts an engine as there when it has heard its heart. Undefined when the engine ends before that. */
async function registeredId(
  engine: ChildProcess,
  { uuid, connection }: Whereabouts,
): Promise<number | undefined> {
  while (engine.exitCode === null && engine.signalCode === null) {
    const reply = await askHub(connection, 'connection_request', {}, HUB_MS).catch(() => undefined)
    const engines = Object.entries((reply?.engines ?? {}) as Readonly<Record<string, string>>)
    const found = engines.find(([, known]) => known === uuid)
    if (found !== undefined) return Number(found[0])
    await delay(HUB_POLL_MS)
  }
  return undefined
}

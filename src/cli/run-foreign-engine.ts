/**
 * Runs an engine of another make, such as Python's, in the place of ours. It knows nothing of keepers: this process
 * stands between. It chooses the engine's name, tells the keeper when the hub has it, passes signals on, ends the engine
 * when the keeper is gone, and ends as the engine ended.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { newForeignEngineUuid } from '../base/ids.ts'
import { askHub, type HubAddress } from '../cluster/hub-line.ts'
import { endOwnGroup, takeLifeline, tellKeeper, watchLifeline } from '../cluster/lifeline.ts'
import { forgetMemoryReuse } from '../cluster/memory-reuse.ts'
import { connectionFilePath } from '../config/connection-files.ts'
import { resolvePlace, securityDirectory } from '../config/profile.ts'
import { sweepCluster } from '../config/sweep.ts'
import { LauncherError } from '../errors.ts'
import { readEngineConnection } from '../protocol/connection-file.ts'
import { awaitConnectionFile } from './await-connection-file.ts'
import type { EngineCommandOptions } from './engine-command.ts'
import { EXIT } from './run.ts'
import { onEndingSignals } from './signals.ts'

const HUB_MS = 10_000
const HUB_POLL_MS = 50
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

  const uuid = newForeignEngineUuid()
  const [file = '', ...first] = command
  const args = [...first, `--profile-dir=${profileDir}`, `--file=${path}`, `--Session.session=${uuid}`]
  if (options.id !== undefined) args.push(`--IPEngine.id=${options.id}`)
  const engine = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit'] })
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

  if (keeper.lifeline !== undefined) {
    void tellWhenRegistered(uuid, connection, engine, keeper.lifeline)
  }
  const { code, signal } = await ended
  sweepCluster(profileDir, clusterId)
  if (isOrphan) endOwnGroup()
  if (signal === null) process.exit(code ?? EXIT.failed)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
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

/** The hub counts an engine as there when it has heard its heart. */
async function tellWhenRegistered(
  uuid: string,
  connection: HubAddress,
  engine: ChildProcess,
  lifeline: number,
): Promise<void> {
  while (engine.exitCode === null && engine.signalCode === null) {
    const reply = await askHub(connection, 'connection_request', {}, HUB_MS).catch(() => undefined)
    const engines = Object.entries((reply?.engines ?? {}) as Readonly<Record<string, string>>)
    const found = engines.find(([, known]) => known === uuid)
    if (found !== undefined) {
      tellKeeper(lifeline, { type: 'registered', id: Number(found[0]), uuid })
      return
    }
    await delay(HUB_POLL_MS)
  }
}

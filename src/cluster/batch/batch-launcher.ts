import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import type { BatchSystemName } from '../../config/launcher-names.ts'
import { logDirectory, makePrivateDirectory } from '../../config/profile.ts'
import { ConfigurationError } from '../../errors.ts'
import type { GroupHandlers, GroupJob, GroupLauncher, Program } from '../launcher.ts'
import type { MpiSettings } from '../mpi-launcher.ts'
import { commandLine } from '../program.ts'
import type { ProgramEnd } from '../state/launch-events.ts'
import { hintFor } from './batch-hints.ts'
import { BatchQueue } from './batch-queue.ts'
import { type BatchSettings, checkBatchSettings } from './batch-settings.ts'
import type { BatchSystem, Call } from './batch-system.ts'
import { lastLines, removeJobFiles } from './job-logs.ts'
import { enginesPerNode, type JobScript, jobScript } from './job-script.ts'
import type { JobStatus } from './job-status.ts'
import type { CallResult, RunCall } from './run-call.ts'
import { BATCH_SYSTEMS } from './systems.ts'

/** A system may give programs half a minute to end, and needs a moment to say that they have. */
const END_MS = 60_000

/**
 * Starts programs as jobs of a batch system.
 *
 * @param more - how `mpiexec` is called; what runs the system's commands, in whose place tests stand.
 * @throws ConfigurationError for a setting that cannot be used.
 */
export function batchLauncher(
  name: BatchSystemName,
  settings: BatchSettings,
  profileDir: string,
  more: { readonly mpi?: MpiSettings | undefined; readonly run?: RunCall } = {},
): GroupLauncher {
  const { mpi, run } = more
  checkBatchSettings(settings)
  const queue = run === undefined ? queueOf(name) : new BatchQueue(BATCH_SYSTEMS[name], run)
  let perNode: number | undefined
  const scriptOf = (program: Program, count: number): JobScript => {
    // Those that come later, in place of others, find as much room as these.
    perNode ??= enginesPerNode(count, settings)
    return jobScript({
      system: queue.system,
      program,
      count,
      settings,
      mpi,
      perNode,
      templateText: readTemplate(settings.templateFile),
      folder: logDirectory(profileDir),
      tag: randomBytes(4).toString('hex'),
    })
  }
  return {
    kind: 'group',
    name,
    areRanks: settings.mpi === true,
    commands: commandsOf(queue.system),
    endMs: END_MS,
    script: (program, count) => {
      const { script, description } = scriptOf(program, count)
      return description === undefined ? script : `${description}\n${script}`
    },
    submit: (program, count, handlers) =>
      new BatchJob(queue, settings, profileDir, () => scriptOf(program, count), handlers),
  }
}

function commandsOf(system: BatchSystem): string[] {
  const files = { script: '', description: '', log: '' }
  return [system.submit(files, ''), system.status(['1']), system.cancel('1')].map(({ command }) => command)
}

/** All jobs of a process share the question how they are. */
const queues = new Map<BatchSystemName, BatchQueue>()

function queueOf(name: BatchSystemName): BatchQueue {
  const queue = queues.get(name) ?? new BatchQueue(BATCH_SYSTEMS[name])
  queues.set(name, queue)
  return queue
}

function readTemplate(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigurationError(`batch.templateFile: ${(cause as Error).message}`, { cause })
  }
}

class BatchJob implements GroupJob {
  readonly pid = -1
  id = ''
  isUnref = false
  status: GroupJob['status'] = { state: 'waiting' }
  readonly #queue: BatchQueue
  readonly #settings: BatchSettings
  readonly #handlers: GroupHandlers
  #script: JobScript | undefined
  #command = ''
  #asked: 'SIGTERM' | 'SIGKILL' | undefined

  constructor(
    queue: BatchQueue,
    settings: BatchSettings,
    profileDir: string,
    makeScript: () => JobScript,
    handlers: GroupHandlers,
  ) {
    this.#queue = queue
    this.#settings = settings
    this.#handlers = handlers
    void this.#submit(profileDir, makeScript)
  }

  signal(signal: NodeJS.Signals): void {
    if (signal !== 'SIGTERM' && signal !== 'SIGKILL') return
    this.#asked = signal
    // While it is being submitted there is no number to end it by: that follows.
    if (this.id !== '' && this.status.state !== 'ended') void this.#cancel()
  }

  unref(): void {
    this.isUnref = true
    this.#queue.refresh()
  }

  /** What the queue says. */
  onStatus(status: JobStatus): void {
    const { state, detail } = status
    this.status = detail === undefined ? { state } : { state, detail }
    if (state !== 'ended') return
    if (status.isStuck === true) void this.#cancel()
    this.#end({
      exitCode: status.exitCode ?? null,
      signal: signalName(status.signal) ?? null,
      output: this.#script === undefined ? '' : lastLines(this.#script.files),
      command: this.#command,
      ...(status.exitCode === undefined && status.signal === undefined && { reason: this.#reason(detail) }),
    })
  }

  async #submit(profileDir: string, makeScript: () => JobScript): Promise<void> {
    const { system, run } = this.#queue
    try {
      const script = makeScript()
      makePrivateDirectory(profileDir)
      makePrivateDirectory(logDirectory(profileDir))
      this.#script = script
      writeJobFiles(script)
    } catch (error) {
      this.#end({ exitCode: null, signal: null, output: '', spawnError: (error as Error).message })
      return
    }
    const call = system.submit(this.#script.files, this.#script.script)
    this.#command = commandLine(call)
    const result = await run(call)
    const id = result.exitCode === 0 ? system.readJobId(result.stdout) : undefined
    if (id === undefined) {
      this.#refused(call, result)
      return
    }
    this.id = id
    if (this.#script.needs.isArray && system.isArrayId?.(id) === false) {
      await this.#cancel()
      this.#noArray(result)
      return
    }
    this.#queue.watch(this)
    if (this.#asked !== undefined) void this.#cancel()
  }

  #refused(call: Call, result: CallResult): void {
    const { system } = this.#queue
    const hint = hintFor(system, this.#settings, call, result)
    const output = `${result.stderr}\n${result.stdout}`.trim()
    const how = {
      missing: `${call.command} is not on this machine`,
      timeout: `${call.command} did not answer`,
    }
    this.#end({
      exitCode: result.exitCode,
      signal: null,
      output,
      command: this.#command,
      ...(result.problem !== undefined && { spawnError: how[result.problem] }),
      ...(result.problem === undefined && {
        spawnError:
          result.exitCode === 0
            ? `${call.command} did not say the job's number`
            : `${call.command} ended with exit code ${result.exitCode}`,
      }),
      ...(hint !== undefined && { hint }),
    })
  }

  /** Its answers about an array would be about one of the tasks. */
  #noArray({ stdout, exitCode }: CallResult): void {
    this.#end({
      exitCode,
      signal: null,
      output: stdout.trim(),
      command: this.#command,
      spawnError: `this ${this.#command.split(' ')[0]} is not that of ${this.#queue.system.title}: it has no job arrays`,
      hint: "set batch.array to false, which starts the engines in one job, or use the system's own launcher",
    })
  }

  async #cancel(): Promise<void> {
    const { system, run } = this.#queue
    const kills = this.#asked === 'SIGKILL'
    const result = await run(kills ? system.kill(this.id) : system.cancel(this.id))
    // Not every relative of a system knows how to kill.
    if (kills && result.exitCode !== 0) await run(system.cancel(this.id))
    this.#queue.hurry()
  }

  #reason(detail: string | undefined): string {
    const { title } = this.#queue.system
    return detail === undefined
      ? `job ${this.id} is no longer in the queue of ${title}`
      : `job ${this.id} of ${title} has ended: ${detail}`
  }

  #end(end: ProgramEnd): void {
    this.status = { state: 'ended' }
    if (this.#script !== undefined) removeJobFiles(this.#script.files, this.#asked !== undefined)
    // What cannot even be submitted ends before whoever submits it has us.
    setImmediate(() => this.#handlers.onEnd(end))
  }
}

/** Only the user may read them: a prologue may hold what others must not know. */
function writeJobFiles({ files, script, description }: JobScript): void {
  writeFileSync(files.script, script, { mode: 0o700 })
  if (description !== undefined) writeFileSync(files.description, description, { mode: 0o600 })
}

function signalName(signal: number | undefined): string | undefined {
  if (signal === undefined) return undefined
  return Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`
}

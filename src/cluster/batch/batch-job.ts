import { writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import type { JobRecord } from '../../config/pid-file.ts'
import { logDirectory, makePrivateDirectory } from '../../config/profile.ts'
import { LauncherError } from '../../errors.ts'
import type { GroupHandlers, GroupJob } from '../launcher.ts'
import { commandLine } from '../program.ts'
import type { ProgramEnd } from '../state/launch-events.ts'
import { hintFor } from './batch-hints.ts'
import type { BatchQueue, Wish } from './batch-queue.ts'
import type { BatchSettings } from './batch-settings.ts'
import type { Call, JobRow } from './batch-system.ts'
import { lastLines, removeJobFiles } from './job-logs.ts'
import { describeRow, JobProgress, type JobStatus, type TaskEnd } from './job-progress.ts'
import type { JobScript } from './job-script.ts'
import type { CallResult } from './run-call.ts'

const EXPLAIN_EVERY = 3
const LEFTOVER = { stuck: 'it could not be started', requeued: 'it was put back into the queue' } as const

/** One job of a batch system: it is submitted, watched in the queue, and ended. */
export class BatchJob implements GroupJob {
  readonly pid = -1
  id = ''
  isUnref = false
  status: GroupJob['status'] = { state: 'waiting' }
  readonly #queue: BatchQueue
  readonly #settings: BatchSettings
  readonly #handlers: GroupHandlers
  #script: JobScript | undefined
  #progress: JobProgress
  #command = ''
  #asked: 'SIGTERM' | 'SIGKILL' | undefined
  /** Why it waits, where the system was asked, and how often it was seen to. */
  #why: string | undefined
  #waitingAnswers = 0
  /** What has been said of ends so far has been told. */
  #told: Promise<void> = Promise.resolve()

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
    this.#progress = new JobProgress(queue.system, [])
    void this.#submit(profileDir, makeScript)
  }

  get record(): JobRecord | undefined {
    if (this.id === '' || this.#script === undefined) return undefined
    return { system: this.#queue.system.name, id: this.id, files: this.#script.files.log }
  }

  signal(signal: NodeJS.Signals): void {
    if (signal !== 'SIGTERM' && signal !== 'SIGKILL') {
      this.signalTask('', signal)?.catch(() => {})
      return
    }
    this.#asked = signal
    // While it is being submitted there is no number to end it by: that follows.
    if (this.id !== '' && this.status.state !== 'ended') void this.#cancel()
  }

  signalTask(task: string, signal: NodeJS.Signals): Promise<void> | undefined {
    if (this.id === '' || this.status.state === 'ended') return undefined
    const { system } = this.#queue
    const id = this.#nameOf(task)
    if (signal === 'SIGKILL') return this.#send(system.kill(id), system.cancel(id))
    const call = signal === 'SIGTERM' ? system.cancel(id) : system.signal(id, signal)
    return call === undefined ? undefined : this.#send(call)
  }

  look(task: string | undefined): void {
    if (task !== undefined) this.#progress.ran(task)
    this.#queue.hurry()
  }

  unref(): void {
    this.isUnref = true
    this.#queue.refresh()
  }

  /** What the queue says. */
  onAnswer(rows: readonly JobRow[], isComplete: boolean): Wish {
    const ends = this.#progress.seen(rows, isComplete, this.#asked === 'SIGKILL')
    const before = this.status.state
    const { hasEnded, isDoubtful, status } = this.#progress
    if (!hasEnded) this.status = this.#explained(status)
    if (ends.length > 0) this.#told = this.#told.then(() => this.#tell(ends, hasEnded))
    if (hasEnded) return 'never'
    // Most that goes wrong does so at the beginning.
    const hasBegun = before === 'waiting' && status.state === 'running'
    return isDoubtful || hasBegun ? 'soon' : 'later'
  }

  /** With the reason why it waits, which may take a question of its own. */
  #explained(status: JobStatus): JobStatus {
    if (status.state !== 'waiting') return status
    const { explain } = this.#queue.system
    // Most jobs begin at once: only those that do not are asked about, and not too often.
    if (explain !== undefined && this.#waitingAnswers % EXPLAIN_EVERY === EXPLAIN_EVERY - 1)
      void this.#askWhy(explain(this.id))
    this.#waitingAnswers += 1
    if (this.#why === undefined) return status
    return { ...status, detail: [status.detail, this.#why].filter(part => part !== undefined).join(': ') }
  }

  async #askWhy(call: Call): Promise<void> {
    const { system, run } = this.#queue
    this.#why = system.readExplanation?.((await run(call)).stdout)
  }

  /** Those that end with the job are told with it, as one. */
  async #tell(ends: readonly TaskEnd[], isLast: boolean): Promise<void> {
    const known = await this.#howTheyEnded(ends)
    for (const { task, leftover } of ends)
      if (leftover !== undefined) await this.signalTask(task, 'SIGTERM')?.catch(() => {})
    if (!isLast) {
      for (const end of known) this.#handlers.onTaskEnd?.(end.task, this.#endOf(end, end.task))
      return
    }
    const { system } = this.#queue
    const failed = known.find(({ row }) => row !== undefined && system.states[row.code] === 'failed')
    this.#end(this.#endOf(failed ?? known.find(isFailure) ?? known[0]!, ''))
  }

  /** Asks elsewhere how those ended of which the queue does not say it. */
  async #howTheyEnded(ends: readonly TaskEnd[]): Promise<readonly TaskEnd[]> {
    const { system, run } = this.#queue
    const isUnknown = ({ row, leftover }: TaskEnd): boolean =>
      leftover === undefined && row?.exitCode === undefined && row?.signal === undefined
    if (system.history === undefined || this.#asked !== undefined || !ends.some(isUnknown)) return ends
    const { stdout } = await run(system.history(this.id))
    const rows = (system.readHistory ?? system.readStatus)(stdout)
    return ends.map(end => {
      if (!isUnknown(end)) return end
      const row = rows.find(({ id, task = '' }) => id === this.id && task === end.task)
      return row === undefined ? end : { ...end, row }
    })
  }

  /** @param task - whose end it is; empty for that of the whole job. */
  #endOf({ row, leftover }: TaskEnd, task: string): ProgramEnd {
    const { system } = this.#queue
    const name = this.#nameOf(task)
    const hasFailed = row !== undefined && system.states[row.code] === 'failed'
    const isKnown = leftover === undefined && !(hasFailed && row.exitCode === 0)
    const exitCode = isKnown ? row?.exitCode : undefined
    const signal = signalName(row?.signal)
    const meaning = leftover === undefined ? undefined : LEFTOVER[leftover]
    const tellsWhy = row !== undefined && (hasFailed || leftover !== undefined || row.detail !== undefined)
    const reason = tellsWhy ? describeRow(row, meaning) : undefined
    return {
      exitCode: exitCode ?? null,
      signal: signal ?? null,
      output: this.#script === undefined ? '' : lastLines(this.#script.files, task),
      command: this.#command,
      // Which signal it was tells less than that time was up.
      ...(exitCode === undefined &&
        (signal === undefined || hasFailed) && {
          reason:
            reason === undefined
              ? `job ${name} is no longer in the queue of ${system.title}`
              : `job ${name} of ${system.title} has ended: ${reason}`,
        }),
    }
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
    const { files, needs, script } = this.#script
    const call = system.submit(files, script)
    this.#command = commandLine(call)
    const result = await run(call)
    const id = result.exitCode === 0 ? system.readJobId(result.stdout) : undefined
    if (id === undefined) {
      this.#refused(call, result)
      return
    }
    this.id = id
    this.#handlers.onSubmitted?.()
    if (needs.isArray && system.isArrayId?.(id) === false) {
      await this.#cancel()
      this.#noArray(result)
      return
    }
    if (needs.isArray) {
      const tasks = Array.from({ length: needs.count }, (_, i) => String(system.firstTask + i))
      this.#progress = new JobProgress(system, tasks)
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
    // It may have ended meanwhile, and then there is nothing to cancel.
    await this.signalTask('', this.#asked ?? 'SIGTERM')?.catch(() => {})
  }

  /** @param otherwise - where that is refused: not every relative of a system knows how to kill, nor does HTCondor at first. */
  async #send(call: Call, otherwise?: Call): Promise<void> {
    const { exitCode, stdout, stderr, problem } = await this.#queue.run(call)
    this.#queue.hurry()
    if (exitCode === 0) return
    if (otherwise !== undefined) {
      await this.#send(otherwise)
      return
    }
    const how = problem === undefined ? `ended with exit code ${exitCode}` : `could not be run (${problem})`
    throw new LauncherError(`${commandLine(call)} ${how}: ${`${stderr}\n${stdout}`.trim()}`)
  }

  #nameOf(task: string): string {
    return task === '' ? this.id : this.#queue.system.taskId(this.id, task)
  }

  #end(end: ProgramEnd): void {
    this.status = { state: 'ended' }
    if (this.#script !== undefined) removeJobFiles(this.#script.files, this.#asked !== undefined)
    // What cannot even be submitted ends before whoever submits it has us.
    setImmediate(() => this.#handlers.onEnd(end))
  }
}

function isFailure({ row }: TaskEnd): boolean {
  return row === undefined || (row.exitCode ?? row.signal ?? 0) !== 0
}

/** Only the user may read them: a prologue may hold what others must not know. */
function writeJobFiles({ files, script, description }: JobScript): void {
  writeFileSync(files.script, script, { mode: 0o700 })
  if (description !== undefined) writeFileSync(files.description, description, { mode: 0o600 })
}

function signalName(signal: number | undefined): string | undefined {
  if (signal === undefined || signal === 0) return undefined
  return Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`
}

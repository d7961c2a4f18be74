import { type ChildProcess, spawn } from 'node:child_process'
import process from 'node:process'
import type { Duplex, Writable } from 'node:stream'
import { identityOf, isRunning, type ProcessIdentity } from '../config/process-identity.ts'
import { descendants } from '../engine/descendants.ts'
import { OutputFile } from './output-file.ts'
import type { ProgramEnd } from './state/launch-events.ts'

/** How long the last lines of an ended program may take to arrive. */
const LAST_LINES_MS = 500
/** How long what a starter was asked to end may go on when the starter itself has ended. */
const TREE_MS = 1500
const TREE_POLL_MS = 10

export interface OwnedProcessOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  /** A pipe besides stdin, stdout and stderr: the program's descriptor 3. */
  readonly hasPipe?: boolean
  /** Keep its stdin open, to be written to. */
  readonly hasStdin?: boolean
  /** Called with what it writes to stdout, which is then not kept for its last lines. */
  readonly onStdout?: (text: string) => void
  /** How many of its last lines are kept. Default: 20. */
  readonly lastLines?: number
  /** It is only the starter of others, in process groups of their own: it has ended when they have, too. */
  readonly isStarter?: boolean
  /** Called once, also when the program could not be started. */
  readonly onEnd: (end: ProgramEnd) => void
}

/**
 * A process of this machine that ends with all that it has started. What it writes is kept for the last lines of one that
 * fails.
 */
export class OwnedProcess {
  readonly #child: ChildProcess
  readonly #output = new OutputFile()
  readonly #onEnd: (end: ProgramEnd) => void
  readonly #isStarter: boolean
  readonly #lastLineCount: number | undefined
  /** What it had started when it was asked to end. */
  #started: readonly ProcessIdentity[] = []
  #ended = false
  #lastLines: NodeJS.Timeout | undefined

  constructor(options: OwnedProcessOptions) {
    const { command, args, env, cwd, hasPipe, hasStdin, onStdout, onEnd } = options
    this.#onEnd = onEnd
    this.#isStarter = options.isStarter === true
    this.#lastLineCount = options.lastLines
    const { fd } = this.#output
    this.#child = spawn(command, args, {
      cwd,
      env,
      stdio: [
        hasStdin === true ? 'pipe' : 'ignore',
        onStdout === undefined ? fd : 'pipe',
        fd,
        ...(hasPipe === true ? (['pipe'] as const) : []),
      ],
      // A process group of its own: ^C in the terminal is for the keeper, and what the program starts ends with it.
      detached: true,
      windowsHide: true,
    })
    this.#child.once('error', error => this.#end(null, null, error.message))
    this.#child.once('exit', () => this.#exited())
    // A program that is killed may cut its end short; its exit tells all there is to know.
    for (const stream of this.#child.stdio) stream?.on('error', () => {})
    if (onStdout !== undefined) this.#child.stdout?.setEncoding('utf8').on('data', onStdout)
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  get pipe(): Duplex | undefined {
    return (this.#child.stdio[3] ?? undefined) as Duplex | undefined
  }

  /** The last lines that it has written so far. */
  get output(): string {
    return this.#output.tail(this.#lastLineCount)
  }

  get stdin(): Writable | undefined {
    return this.#child.stdin ?? undefined
  }

  /** SIGKILL reaches what the program has started as well. */
  signal(signal: NodeJS.Signals): void {
    if (this.#ended || this.#child.pid === undefined) return
    if (this.#isStarter && isAlive(this.#child)) this.#started = descendants(this.#child.pid).map(identityOf)
    if (signal === 'SIGKILL') {
      killAll(this.#started)
      killGroup(this.#child.pid)
    }
    this.#child.kill(signal)
  }

  unref(): void {
    this.#child.unref()
    for (const stream of this.#child.stdio) (stream as { unref?: () => void } | null)?.unref?.()
  }

  #exited(): void {
    if (this.#child.pid !== undefined) killGroup(this.#child.pid)
    const end = (): void => this.#endWithTree(this.#child.exitCode, this.#child.signalCode, TREE_MS)
    // What it said last may still be on its way; `close` comes after that, unless somebody else holds the pipe.
    this.#lastLines = setTimeout(end, LAST_LINES_MS)
    this.#child.once('close', end)
  }

  #endWithTree(exitCode: number | null, signal: string | null, patienceMs: number): void {
    clearTimeout(this.#lastLines)
    if (this.#started.some(isRunning)) {
      if (patienceMs <= 0) killAll(this.#started)
      const again = (): void => this.#endWithTree(exitCode, signal, patienceMs - TREE_POLL_MS)
      this.#lastLines = setTimeout(again, TREE_POLL_MS)
    } else this.#end(exitCode, signal)
  }

  #end(exitCode: number | null, signal: string | null, spawnError?: string): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#lastLines)
    const { output } = this
    this.#output.close()
    for (const stream of this.#child.stdio) stream?.destroy()
    const end: ProgramEnd = { exitCode, signal, output }
    this.#onEnd(spawnError === undefined ? end : { ...end, spawnError })
  }
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

function killAll(processes: readonly ProcessIdentity[]): void {
  for (const one of processes) {
    if (!isRunning(one)) continue
    try {
      process.kill(one.pid, 'SIGKILL')
    } catch {
      // It has just ended.
    }
  }
}

/** Ends what is left of a process group: programs that an engine started do not outlive it. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in it.
  }
}

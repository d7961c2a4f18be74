import { type ChildProcess, spawn } from 'node:child_process'
import process from 'node:process'
import type { Duplex } from 'node:stream'
import type { Job, JobHandlers, Launcher, Program } from './launcher.ts'
import { KEEPER_VARIABLE, LIFELINE_FD, LIFELINE_VARIABLE, parseLifelineLine } from './lifeline.ts'
import { OutputFile } from './output-file.ts'
import type { ProgramEnd } from './state/launch-events.ts'

/** How long the last lines of an ended program may take to arrive. */
const LAST_LINES_MS = 500

/** Starts programs as processes of this machine. */
export const localLauncher: Launcher = {
  name: 'local',
  submit: (program, handlers) => new LocalJob(program, handlers),
}

class LocalJob implements Job {
  readonly #child: ChildProcess
  readonly #output: OutputFile
  readonly #handlers: JobHandlers
  #ended = false
  #lastLines: NodeJS.Timeout | undefined

  constructor(program: Program, handlers: JobHandlers) {
    this.#handlers = handlers
    this.#output = new OutputFile()
    this.#child = spawn(program.command, program.args, {
      cwd: program.cwd,
      env: {
        ...program.env,
        [LIFELINE_VARIABLE]: String(LIFELINE_FD),
        [KEEPER_VARIABLE]: String(process.pid),
      },
      stdio: ['ignore', this.#output.fd, this.#output.fd, 'pipe'],
      // A process group of its own: ^C in the terminal is for the keeper, and what the program starts ends with it.
      detached: true,
      windowsHide: true,
    })
    this.#child.once('error', error => this.#end(null, null, error.message))
    this.#child.once('exit', () => this.#exited())
    this.#child.once('close', (exitCode, signal) => this.#end(exitCode, signal))
    const lifeline = this.#child.stdio[LIFELINE_FD]
    if (lifeline) this.#read(lifeline as Duplex)
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#ended || this.#child.pid === undefined) return
    if (signal === 'SIGKILL') killGroup(this.#child.pid)
    this.#child.kill(signal)
  }

  unref(): void {
    this.#child.unref()
    const lifeline = this.#child.stdio[LIFELINE_FD] as { unref?: () => void } | null | undefined
    lifeline?.unref?.()
  }

  #read(lifeline: Duplex): void {
    let rest = ''
    lifeline.setEncoding('utf8')
    lifeline.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const event = parseLifelineLine(line)
        if (event !== undefined && !this.#ended) this.#handlers.onEvent(event)
      }
    })
    // A program that is killed may cut its end short; its exit tells all there is to know.
    lifeline.on('error', () => {})
  }

  #exited(): void {
    if (this.#child.pid !== undefined) killGroup(this.#child.pid)
    // What it said last may still be on its way; `close` comes after that, unless somebody else holds the pipe.
    this.#lastLines = setTimeout(() => this.#end(this.#child.exitCode, this.#child.signalCode), LAST_LINES_MS)
  }

  #end(exitCode: number | null, signal: string | null, spawnError?: string): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#lastLines)
    const output = this.#output.tail()
    this.#output.close()
    this.#child.stdio[LIFELINE_FD]?.destroy()
    const end: ProgramEnd = { exitCode, signal, output }
    this.#handlers.onEnd(spawnError === undefined ? end : { ...end, spawnError })
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

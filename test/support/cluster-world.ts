/**
 * A world of its own for tests that start real programs: an IPython folder in a temporary place, the built commands run
 * in it, and eyes for what they leave behind.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DEBIAN_PYTHON } from './needs.ts'

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url))
const POLL_MS = 20
const COMMAND_MS = 25_000
const RECORDS = /\/db\/ipcontroller[^/]*\.db(-wal)?$/

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A program that was started and may still run. */
export class Started {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  stdout = ''
  stderr = ''
  #changed: () => void = () => {}

  constructor(child: ChildProcess, limitMs = COMMAND_MS) {
    this.child = child
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.#changed()
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.#changed()
    })
    this.finished = new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL')
        reject(new Error(`a command took too long. It wrote:\n${this.stdout}\n${this.stderr}`))
      }, limitMs)
      child.once('close', (code, signal) => {
        clearTimeout(timer)
        this.#changed()
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr })
      })
    })
    this.finished.catch(() => {})
  }

  get pid(): number {
    return this.child.pid!
  }

  /** Resolves when stdout matches. @throws Error when the program ends before that. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#said(pattern, () => this.stdout)
  }

  /** As printed, for stderr. */
  logged(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#said(pattern, () => this.stderr)
  }

  async #said(pattern: RegExp, text: () => string): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(text())
      if (match !== null) return match
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`it ended without saying ${pattern}:\n${this.stdout}\n${this.stderr}`)
      }
      await new Promise<void>(resolve => {
        this.#changed = resolve
        this.child.once('exit', () => resolve())
      })
    }
  }
}

/** See the head of this file. */
export class ClusterWorld {
  readonly ipythonDir = mkdtempSync(join(tmpdir(), 'itsparallel-world-'))

  get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      IPYTHONDIR: this.ipythonDir,
      NO_COLOR: '1',
      IPP_PROFILE_DIR: '',
      IPP_CLUSTER_ID: undefined,
    }
  }

  /** Starts a built command, such as `ipcluster`. */
  start(
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    limitMs = COMMAND_MS,
  ): Started {
    return this.#spawn([join(DIST, 'cli', `${command}.js`), ...args], env, limitMs)
  }

  /** Runs a built command to its end. */
  run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
    return this.start(command, args, env).finished
  }

  /** Starts a program of Debian's Python: a file and its arguments, or `-c` and a source. */
  startPython(args: readonly string[], env: NodeJS.ProcessEnv = {}, limitMs = COMMAND_MS): Started {
    const child = spawn(DEBIAN_PYTHON, args, {
      cwd: this.ipythonDir,
      env: { ...this.env, PYTHONDONTWRITEBYTECODE: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return new Started(child, limitMs)
  }

  /** Runs a source of Python to its end. @throws Error with what it wrote to stderr when it fails. */
  async runPython(source: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const { code, stdout, stderr } = await this.startPython(['-c', source], env).finished
    if (code !== 0) throw new Error(`Python ended with exit code ${code}:\n${stdout}\n${stderr}`)
    return stdout
  }

  /** Starts a program given as the source of an ES module, which can import `itsparallel`. */
  startProgram(source: string): Started {
    return this.#spawn(['--input-type=module', '--eval', source], {})
  }

  #spawn(args: readonly string[], env: NodeJS.ProcessEnv, limitMs = COMMAND_MS): Started {
    const child = spawn(process.execPath, args, {
      cwd: join(DIST, '..'),
      env: { ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return new Started(child, limitMs)
  }

  /** Numbers of all processes that were started in this world, however far from us, by what their environment says. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .map(Number)
      .filter(pid => pid !== process.pid && environmentOf(pid).includes(`IPYTHONDIR=${this.ipythonDir}\0`))
  }

  commandLine(pid: number): string {
    return readOr(`/proc/${pid}/cmdline`, '').replaceAll('\0', ' ')
  }

  commandLines(): string[] {
    return this.processes().map(pid => this.commandLine(pid))
  }

  /** Files of this world, below its folder, less the records, which stay on purpose. */
  files(): string[] {
    return this.allFiles().filter(file => !RECORDS.test(file))
  }

  allFiles(): string[] {
    return readdirSync(this.ipythonDir, { recursive: true, withFileTypes: true })
      .filter(entry => !entry.isDirectory())
      .map(entry => join(entry.parentPath, entry.name).slice(this.ipythonDir.length + 1))
      .sort()
  }

  /** Ends everything that a failed test has left. */
  async close(): Promise<void> {
    for (const pid of this.processes()) kill(pid)
    await eventually(() => this.processes().length === 0)
    rmSync(this.ipythonDir, { recursive: true, force: true })
  }
}

/** Resolves when `check` holds. @throws Error after `timeoutMs`. */
export async function eventually(
  check: () => boolean,
  timeoutMs = 10_000,
  what = String(check),
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  while (!check()) {
    if (performance.now() > deadlineMs) throw new Error(`still not so after ${timeoutMs} ms: ${what}`)
    await delay(POLL_MS)
  }
}

const PORTS_OF_A_TEST = 15

/**
 * The first of as many ports as a controller needs, which tests in other processes do not ask for at the same time, tunnels
 * do not choose, and systems give to nobody who wants any.
 */
export function firstPort(): number {
  return 30_000 + (process.pid % 150) * PORTS_OF_A_TEST
}

/** TCP addresses on which one of these processes listens, as `127.0.0.1:1234`; without `pids`, anybody. */
export function listeningAddresses(pids?: readonly number[]): string[] {
  const inodes = pids === undefined ? undefined : new Set(pids.flatMap(socketInodes))
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(path =>
    readOr(path, '')
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      // The fourth column is the state, 0A for LISTEN; the tenth the socket's inode (proc(5)).
      .filter(columns => columns[3] === '0A' && (inodes === undefined || inodes.has(columns[9] ?? '')))
      .map(columns => readAddress(columns[1]!)),
  )
}

function readAddress(hex: string): string {
  const [address = '', port = ''] = hex.split(':')
  const bytes = address.length === 8 ? [...Buffer.from(address, 'hex')].reverse().join('.') : address
  return `${bytes}:${Number.parseInt(port, 16)}`
}

function socketInodes(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
      const match = /^socket:\[(\d+)\]$/.exec(readLinkOr(`/proc/${pid}/fd/${fd}`))
      return match === null ? [] : [match[1]!]
    })
  } catch {
    return []
  }
}

/** Empty for processes of others, those that are gone, and those that have ended but were not reaped. */
function environmentOf(pid: number): string {
  return readOr(`/proc/${pid}/environ`, '')
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return otherwise
  }
}

function readLinkOr(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

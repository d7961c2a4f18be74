/** What the private batch systems of the tests share: folders, ports, and daemons that are ended by their numbers. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'

/** A batch system that runs for one test file. */
export interface PrivateSystem {
  /** What its commands need of the environment. */
  readonly env: Readonly<Record<string, string>>
  /** Numbers of the jobs that wait or run. */
  queue(): string[]
  close(): Promise<void>
}

/** See the head of this file. */
export class Daemons {
  readonly folder = mkdtempSync(join(tmpdir(), 'itsparallel-batch-'))
  readonly #children: ChildProcess[] = []

  /** Starts a daemon that stays in the foreground. Its output goes into a file of the folder. */
  start(command: string, args: readonly string[], env: NodeJS.ProcessEnv): void {
    const output = openSync(join(this.folder, `${this.#children.length}.out`), 'w')
    const child = spawn(command, args, { env, stdio: ['ignore', output, output], detached: true })
    child.on('error', () => {})
    this.#children.push(child)
  }

  /** Ends them, the last one first. */
  async close(): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue
      const exited = once(child, 'exit')
      const timer = setTimeout(() => killGroup(child.pid!), 5000)
      child.kill('SIGTERM')
      await exited
      clearTimeout(timer)
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

/** What a command writes to stdout. @throws Error when it fails. */
export function answerOf(command: string, args: readonly string[], env: NodeJS.ProcessEnv): string {
  return execFileSync(command, args, {
    env,
    encoding: 'utf8',
    timeout: 20_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Whether a command succeeds. */
export function succeeds(command: string, args: readonly string[], env: NodeJS.ProcessEnv): boolean {
  try {
    answerOf(command, args, env)
    return true
  } catch {
    return false
  }
}

/** Ports of loopback on which nobody listens. */
export async function freePorts(n: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: n }, async () => {
      const server = createServer()
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map(server => (server.address() as { port: number }).port)
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}

/** Whether all these programs are installed. */
export function installed(...paths: readonly string[]): boolean {
  return paths.every(path => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

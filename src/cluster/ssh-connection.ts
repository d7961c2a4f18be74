/** One connection to a host by the system's own ssh, with all that ~/.ssh/config says, and what runs there meanwhile. */

import process from 'node:process'
import { OwnedProcess } from './owned-process.ts'
import { commandLine } from './program.ts'
import { explainSsh } from './ssh-failures.ts'
import { remoteCommand } from './ssh-script.ts'
import type { SshSettings } from './ssh-settings.ts'
import type { ProgramEnd } from './state/launch-events.ts'

const CONNECT_TIMEOUT = 10

export interface SshConnectionOptions {
  readonly settings: SshSettings
  readonly host: string
  /** What /bin/sh runs there. Its stdin ends when the connection or this process does. */
  readonly script: string
  /** Options that forward ports. It fails where one cannot be forwarded. */
  readonly forwards?: readonly string[]
  readonly cwd: string
  /** Called with what the script writes to stdout. Default: it is kept for the last lines. */
  readonly onStdout?: (text: string) => void
  /** Called once. The end says why there was no connection where that is known. */
  readonly onEnd: (end: ProgramEnd) => void
}

/** See the head of this file. */
export class SshConnection {
  readonly #owned: OwnedProcess

  constructor(options: SshConnectionOptions) {
    const { settings, host, script, forwards = [], cwd, onStdout, onEnd } = options
    const command = sshCommand(settings)
    const args = sshArguments(settings, host, forwards, Buffer.byteLength(script))
    this.#owned = new OwnedProcess({
      command,
      args,
      cwd,
      env: process.env,
      hasStdin: true,
      ...(onStdout !== undefined && { onStdout }),
      onEnd: end => onEnd({ ...explain(end, command, host), command: commandLine({ command, args }) }),
    })
    this.#owned.stdin?.write(script)
  }

  get pid(): number {
    return this.#owned.pid
  }

  /** The last lines of what it has said so far. */
  get output(): string {
    return this.#owned.output
  }

  /** What runs there sees the end of its stdin, and the connection ends when it has ended. */
  end(): void {
    this.#owned.stdin?.end()
  }

  /** Ends the connection itself. */
  kill(): void {
    this.#owned.signal('SIGKILL')
  }

  unref(): void {
    this.#owned.unref()
  }
}

/** The command that must be on this machine. */
export function sshCommand(settings: SshSettings): string {
  return settings.command ?? 'ssh'
}

/** In ms. */
export function connectTimeoutMs({ connectTimeout = CONNECT_TIMEOUT }: SshSettings): number {
  return connectTimeout * 1000
}

/** Options that are given first win: nothing ever asks, and the user's own come before what is only a default. */
function sshArguments(
  settings: SshSettings,
  host: string,
  forwards: readonly string[],
  scriptBytes: number,
): string[] {
  const options = {
    ConnectTimeout: Math.ceil(connectTimeoutMs(settings) / 1000),
    ServerAliveInterval: 5,
    ServerAliveCountMax: 3,
    ExitOnForwardFailure: 'yes',
    // A connection that others share goes on when ours ends, and goes on forwarding.
    ControlMaster: 'no',
    ...(forwards.length > 0 && { ControlPath: 'none' }),
  }
  const defaults = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const given = settings.args ?? []
  return [
    '-T',
    '-o',
    'BatchMode=yes',
    ...given,
    ...defaults,
    ...forwards,
    '--',
    host,
    remoteCommand(scriptBytes),
  ]
}

function explain(end: ProgramEnd, command: string, host: string): ProgramEnd {
  if (end.spawnError?.includes('ENOENT') === true) {
    const hint = 'install an ssh client (openssh-client), or name one (ssh: { command: "/path/to/ssh" })'
    return { ...end, spawnError: `${command} is not on this machine`, hint }
  }
  // ssh's own failures; anything else is the exit code of what ran there.
  const known = end.exitCode === 255 ? explainSsh(end.output, host) : undefined
  return known === undefined ? end : { ...end, spawnError: known.cause, hint: known.hint }
}

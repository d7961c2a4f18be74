/** Starts engines on other hosts, over the system's own ssh, with all that ~/.ssh/config says. */

import { join } from 'node:path'
import process from 'node:process'
import { connectionFilePaths, waitForFile } from '../config/connection-files.ts'
import { securityDirectory } from '../config/profile.ts'
import { ConfigurationError } from '../errors.ts'
import { type EngineConnection, readEngineConnection, resolveInterface } from '../protocol/connection-file.ts'
import type { GroupHandlers, GroupJob, GroupLauncher, Program } from './launcher.ts'
import { OwnedProcess } from './owned-process.ts'
import { commandLine, type ProgramPlace } from './program.ts'
import { explainSsh, remoteCommand, remoteScript } from './ssh-script.ts'
import { isLocalOnly, tunnelled } from './ssh-tunnel.ts'
import type { ProgramEnd } from './state/launch-events.ts'

const CONNECT_TIMEOUT = 10
/** How long the controller may take to be there: whoever waits for the engines gives up before. */
const CONTROLLER_MS = 600_000
/** How often other ports are tried for a tunnel. */
const TUNNEL_TRIES = 5

/** Hosts that engines run on, and how they are reached. */
export interface SshSettings {
  /** How many engines on each host: `{ 'node1': 4, 'me@node2': 8 }`. A list shares `n` among its hosts. */
  readonly hosts: Readonly<Record<string, number>> | readonly string[]
  /** The ssh command, by name or path. Default: `ssh`. */
  readonly command?: string | undefined
  /** Its options, such as `['-F', 'my_ssh_config']` or `['-i', 'key']`. */
  readonly args?: readonly string[] | undefined
  /** Node on the hosts. Default: where it is here. */
  readonly node?: string | undefined
  /** Folder of this package on the hosts. Default: where it is here. */
  readonly packagePath?: string | undefined
  /**
   * Whether engines reach the controller through the ssh connection. Default: `auto`, when the controller listens on
   * this machine only.
   */
  readonly tunnel?: boolean | 'auto' | undefined
  /** Seconds that a host may take to answer. Default: 10. */
  readonly connectTimeout?: number | undefined
}

/**
 * How many engines on which host.
 *
 * @throws ConfigurationError when no host is named, or `n` is not what the hosts add up to.
 */
export function countByHost(
  settings: SshSettings | undefined,
  n: number | undefined,
): ReadonlyMap<string, number> {
  const hosts = settings?.hosts ?? []
  if (Array.isArray(hosts)) {
    const names = [...new Set(hosts as readonly string[])]
    const total = n ?? names.length
    if (names.length > 0)
      return new Map(
        names
          .map((host, i) => [host, Math.floor((total + names.length - 1 - i) / names.length)] as const)
          .filter(([, count]) => count > 0),
      )
  }
  const counts = new Map(Object.entries(hosts as Readonly<Record<string, number>>))
  if (counts.size === 0) {
    throw new ConfigurationError(
      'engines over ssh need hosts: name them with ssh: { hosts: { node1: 4, node2: 4 } }',
    )
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  if (n !== undefined && n !== total)
    throw new ConfigurationError(
      `the hosts have ${total} engines, but n is ${n}: leave n out, or give the hosts as a list`,
    )
  return counts
}

/** Starts engines on one host: those of one job share a connection, and end with it. */
export function sshLauncher(host: string, settings: SshSettings, place: ProgramPlace): GroupLauncher {
  return {
    kind: 'group',
    name: 'ssh',
    areRanks: false,
    commands: [settings.command ?? 'ssh'],
    submit: (program, count, handlers) => new SshJob(host, settings, place, program, count, handlers),
  }
}

class SshJob implements GroupJob {
  readonly #host: string
  readonly #settings: SshSettings
  readonly #program: Program
  readonly #count: number
  readonly #handlers: GroupHandlers
  readonly #cancel = new AbortController()
  #owned: OwnedProcess | undefined
  #isUnref = false
  #ended = false

  constructor(
    host: string,
    settings: SshSettings,
    place: ProgramPlace,
    program: Program,
    count: number,
    handlers: GroupHandlers,
  ) {
    this.#host = host
    this.#settings = settings
    this.#program = program
    this.#count = count
    this.#handlers = handlers
    void this.#start(connectionFilePaths(securityDirectory(place.profileDir), place.clusterId).engine)
  }

  get id(): string {
    return this.#owned === undefined ? '' : String(this.pid)
  }

  get pid(): number {
    return this.#owned?.pid ?? -1
  }

  get status() {
    const state = this.#ended ? 'ended' : this.#owned === undefined ? 'waiting' : 'running'
    return { state } as const
  }

  signal(signal: NodeJS.Signals): void {
    this.#cancel.abort()
    // The engines see the end of their lifeline, and the connection ends when they have.
    if (signal === 'SIGKILL') this.#owned?.signal(signal)
    else this.#owned?.stdin?.end()
  }

  unref(): void {
    this.#isUnref = true
    this.#owned?.unref()
  }

  async #start(file: string): Promise<void> {
    const { signal } = this.#cancel
    try {
      await waitForFile(file, { timeoutMs: CONTROLLER_MS, signal })
      const connection = await readEngineConnection(file)
      const address = (await resolveInterface(connection)).slice('tcp://'.length)
      if (signal.aborted) throw signal.reason
      this.#connect(connection, address, 1)
    } catch (error) {
      if (signal.aborted) this.#end({ exitCode: null, signal: 'SIGTERM', output: '' })
      else this.#end({ exitCode: null, signal: null, output: '', spawnError: (error as Error).message })
    }
  }

  #connect(connection: EngineConnection, address: string, tries: number): void {
    const { tunnel = 'auto' } = this.#settings
    const isTunnelled = tunnel === 'auto' ? isLocalOnly(connection) : tunnel
    const there = isTunnelled ? tunnelled(connection, address, Math.random()) : { connection, args: [] }
    const script = this.#script(JSON.stringify(there.connection))
    const command = this.#settings.command ?? 'ssh'
    const args = this.#arguments(there.args, Buffer.byteLength(script))
    const owned = new OwnedProcess({
      command,
      args,
      cwd: this.#program.cwd,
      env: process.env,
      hasStdin: true,
      onEnd: end => {
        const isRefused = end.output.includes('remote port forwarding failed')
        if (isRefused && tries < TUNNEL_TRIES && !this.#cancel.signal.aborted)
          this.#connect(connection, address, tries + 1)
        else this.#end({ ...this.#explain(end, command), command: commandLine({ command, args }) })
      },
    })
    this.#owned = owned
    if (this.#isUnref) owned.unref()
    owned.stdin?.write(script)
  }

  #script(connection: string): string {
    const { node, packagePath } = this.#settings
    const [file = '', ...args] = this.#program.args
    return remoteScript({
      node: node ?? this.#program.command,
      args: [packagePath === undefined ? file : join(packagePath, 'dist', 'cli', 'ipengine.js'), ...args],
      count: this.#count,
      cwd: this.#program.cwd,
      env: this.#program.ownEnv,
      connection,
    })
  }

  /** Options that are given first win: nothing ever asks, and the user's own come before what is only a default. */
  #arguments(tunnel: readonly string[], scriptBytes: number): string[] {
    const { args = [], connectTimeout = CONNECT_TIMEOUT } = this.#settings
    const options = {
      ConnectTimeout: Math.ceil(connectTimeout),
      ServerAliveInterval: 5,
      ServerAliveCountMax: 3,
      ExitOnForwardFailure: 'yes',
    }
    const defaults = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    return [
      '-T',
      '-o',
      'BatchMode=yes',
      ...args,
      ...defaults,
      ...tunnel,
      '--',
      this.#host,
      remoteCommand(scriptBytes),
    ]
  }

  #explain(end: ProgramEnd, command: string): ProgramEnd {
    if (end.spawnError?.includes('ENOENT') === true) {
      const hint = 'install an ssh client (openssh-client), or name one (ssh: { command: "/path/to/ssh" })'
      return { ...end, spawnError: `${command} is not on this machine`, hint }
    }
    // ssh's own failures; anything else is the exit code of what ran there.
    const known = end.exitCode === 255 ? explainSsh(end.output, this.#host) : undefined
    return known === undefined ? end : { ...end, spawnError: known.cause, hint: known.hint }
  }

  #end(end: ProgramEnd): void {
    if (this.#ended) return
    this.#ended = true
    // Whoever submitted us is to have us before it hears of our end.
    setImmediate(() => this.#handlers.onEnd(end))
  }
}

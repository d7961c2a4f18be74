/** A real sshd for tests, with host and user keys of its own: it lets in whoever runs the test, and nobody else. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'

const SSHD = '/usr/sbin/sshd'

/**
 * Whether sshd is installed.
 *
 * @throws Error when it is not and every test is required to run.
 */
export function hasSshd(): boolean {
  const present = existsSync(SSHD) && spawnSync('ssh', ['-V'], { timeout: 10_000 }).status === 0
  if (!present && process.env.ITSPARALLEL_REQUIRE_ALL === '1')
    throw new Error('every test is required to run, and sshd is missing: install openssh-server')
  return present
}

/** Where a server is to listen, and how it is started. */
export interface SshdPlace {
  /** Name by which the tests call the host. */
  readonly name: string
  readonly address?: string
  readonly port?: number
  /** Words before the server's command line, such as `ip netns exec NAME`. */
  readonly before?: readonly string[]
  /** Further lines of its configuration. */
  readonly options?: readonly string[]
}

/** Servers, the keys that open them, and an ssh_config that knows them. */
export class SshWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'itsparallel-ssh-'))
  /** For `ssh -F`. */
  readonly config = join(this.folder, 'ssh_config')
  /** Where programs on the hosts put what is temporary. */
  readonly remoteTemporary = join(this.folder, 'tmp')
  readonly #servers: ChildProcess[] = []
  readonly #env: Readonly<Record<string, string>>

  /** @param env - what programs on the hosts find in their environment. */
  constructor(env: Readonly<Record<string, string>> = {}) {
    this.#env = { TMPDIR: this.remoteTemporary, ...env }
    mkdirSync(this.remoteTemporary)
    for (const name of ['user_key', 'other_key', 'host_key']) this.#makeKey(name)
    writeFileSync(this.#path('authorized_keys'), readFileSync(this.#path('user_key.pub')))
    writeFileSync(this.#path('known_hosts'), '')
    writeFileSync(this.config, '')
  }

  #path(name: string): string {
    return join(this.folder, name)
  }

  #makeKey(name: string): void {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', this.#path(name)])
  }

  /** Starts a server; resolves when it listens. */
  async serve(place: SshdPlace): Promise<void> {
    const { name, address = '127.0.0.1', port = await freePort(), before = [], options = [] } = place
    const env = Object.entries(this.#env).map(([variable, value]) => `${variable}=${value}`)
    writeFileSync(
      this.#path(`sshd_${name}`),
      `ListenAddress ${address}:${port}
HostKey ${this.#path('host_key')}
AuthorizedKeysFile ${this.#path('authorized_keys')}
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
SetEnv ${env.join(' ')}
${options.join('\n')}
`,
    )
    // Where servers that root starts put their unprivileged half.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
    const [command = '', ...args] = [...before, SSHD, '-D', '-e', '-f', this.#path(`sshd_${name}`)]
    const server = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#servers.push(server)
    let said = ''
    for await (const line of createInterface({ input: server.stderr! })) {
      said += `${line}\n`
      if (line.includes('Server listening')) break
    }
    server.stderr!.resume()
    if (!said.includes('Server listening')) throw new Error(`sshd does not start:\n${said}`)
    this.know(name, `HostName ${address}`, `Port ${port}`)
    const host = port === 22 ? address : `[${address}]:${port}`
    appendFileSync(this.#path('known_hosts'), `${host} ${readFileSync(this.#path('host_key.pub'), 'utf8')}`)
  }

  /** Adds a host to the ssh_config. */
  know(name: string, ...lines: readonly string[]): void {
    const all = [
      `Host ${name}`,
      ...lines,
      `IdentityFile ${this.#path('user_key')}`,
      'IdentitiesOnly yes',
      `UserKnownHostsFile ${this.#path('known_hosts')}`,
      'GlobalKnownHostsFile /dev/null',
    ]
    appendFileSync(this.config, `${all.join('\n  ')}\n`)
  }

  /** What a host that is `known` under one name is called under another, with other options that win. */
  alias(name: string, known: string, ...lines: readonly string[]): void {
    const block = readFileSync(this.config, 'utf8')
      .split(/^(?=Host )/m)
      .find(one => one.startsWith(`Host ${known}\n`))!
    appendFileSync(
      this.config,
      `Host ${name}\n  ${lines.join('\n  ')}\n${block.slice(block.indexOf('\n') + 1)}`,
    )
  }

  /** Names of what programs on the hosts have left. */
  leftovers(): string[] {
    return readdirSync(this.remoteTemporary)
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      const ended = server.exitCode === null ? once(server, 'exit') : undefined
      server.kill('SIGKILL')
      await ended
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/**
 * A small network of hosts on one machine: network namespaces with addresses of their own, on a bridge whose address is
 * this machine's. What runs in them shares the files, and nothing of the network.
 */

import { execFileSync, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const NAMESPACE_FILES = '/etc/netns'
/** As many as have a number of their own in an address and in a bridge's name. */
const SUBNETS = 254

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/**
 * Whether such networks can be made here: by root, with iproute2.
 *
 * @throws Error when they cannot and every test is required to run.
 */
export function hasNetworks(): boolean {
  const name = `probe${process.pid}`
  const present = spawnSync('ip', ['netns', 'add', name]).status === 0
  if (present) ip('netns', 'del', name)
  else if (process.env.ITSPARALLEL_REQUIRE_ALL === '1')
    throw new Error('every test is required to run, and network namespaces need root and iproute2')
  return present
}

function bridgeOf(subnet: number): string {
  return `itsparallel${subnet}`
}

/**
 * Makes the bridge of a subnet that nobody has: not the tests of another file, nor those of a run that was killed. Two
 * networks with the same addresses would lead into one another.
 */
function addBridge(): number {
  const first = randomInt(SUBNETS)
  for (let i = 0; i < SUBNETS; i += 1) {
    const subnet = 1 + ((first + i) % SUBNETS)
    // A name can be had once: where somebody else takes it first, this fails.
    if (spawnSync('ip', ['link', 'add', bridgeOf(subnet), 'type', 'bridge']).status === 0) return subnet
  }
  throw new Error('no bridge can be made, or all are there: remove those that nobody uses (ip link)')
}

export interface NetworkHost {
  readonly name: string
  readonly address: string
}

/** See the head of this file. */
export class Network {
  /** This machine's address, as the hosts see it. */
  readonly address: string
  readonly hosts: readonly NetworkHost[]
  readonly #tag = `${randomInt(36 ** 5).toString(36)}`
  readonly #subnet = addBridge()

  constructor(count: number) {
    const base = `10.213.${this.#subnet}`
    this.address = `${base}.1`
    this.hosts = Array.from({ length: count }, (_, i) => ({
      name: `host${i + 1}`,
      address: `${base}.${i + 2}`,
    }))
    ip('addr', 'add', `${this.address}/24`, 'dev', this.#bridge)
    ip('link', 'set', this.#bridge, 'up')
    for (const host of this.hosts) this.#add(host)
  }

  /** Words that run a command on a host. */
  on(host: NetworkHost): string[] {
    return ['ip', 'netns', 'exec', this.namespaceOf(host)]
  }

  /** As `on`, where the host's name is its own as well, and all that the system shows of itself is there. */
  onNamed(host: NetworkHost): string[] {
    const network = `--net=/run/netns/${this.namespaceOf(host)}`
    return ['nsenter', network, 'unshare', '--uts', 'sh', '-c', 'hostname "$0"; exec "$@"', host.name]
  }

  /**
   * As `on`, where the host's name is its own, and those of all hosts are known to what runs there, and to nobody else.
   *
   * @param names - further names, with their addresses.
   */
  onKnown(host: NetworkHost, names: Readonly<Record<string, string>> = {}): string[] {
    const hosts = this.hosts.map(({ name, address }) => `${address} ${name}`)
    const others = Object.entries(names).map(([name, address]) => `${address} ${name}`)
    const folder = join(NAMESPACE_FILES, this.namespaceOf(host))
    mkdirSync(folder, { recursive: true })
    // What lies there hides the machine's own file from whatever `ip netns exec` runs (ip-netns(8)).
    writeFileSync(join(folder, 'hosts'), `${['127.0.0.1 localhost', ...hosts, ...others].join('\n')}\n`)
    return [...this.on(host), 'unshare', '--uts', 'sh', '-c', 'hostname "$0"; exec "$@"', host.name]
  }

  /** Pulls the plug of a host, or puts it back. */
  plug({ name }: NetworkHost, isIn: boolean): void {
    ip('link', 'set', this.#cable(name), isIn ? 'up' : 'down')
  }

  /**
   * Has this machine forget its connections to a host, as if it had been switched off: what it would still say of their
   * end is never sent. Pull the plug of the host before.
   */
  forgetConnections({ address }: NetworkHost): void {
    execFileSync('ss', ['-K', 'dst', address], { stdio: 'ignore' })
  }

  /** What the system calls a host. */
  namespaceOf({ name }: NetworkHost): string {
    return `itsparallel-${this.#tag}-${name}`
  }

  close(): void {
    for (const host of this.hosts) {
      ip('netns', 'del', this.namespaceOf(host))
      rmSync(join(NAMESPACE_FILES, this.namespaceOf(host)), { recursive: true, force: true })
    }
    ip('link', 'del', this.#bridge)
    try {
      rmdirSync(NAMESPACE_FILES)
    } catch {
      // Nobody made it, or others use it as well.
    }
  }

  #add(host: NetworkHost): void {
    const { name, address } = host
    const namespace = this.namespaceOf(host)
    ip('netns', 'add', namespace)
    ip('link', 'add', this.#cable(name), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    ip('link', 'set', this.#cable(name), 'master', this.#bridge, 'up')
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    ip('-n', namespace, 'link', 'set', 'eth0', 'up')
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
  }

  get #bridge(): string {
    return bridgeOf(this.#subnet)
  }

  #cable(host: string): string {
    return `${this.#tag}-${host}`
  }
}

import { ConfigurationError } from '../errors.ts'

/** Hosts that programs run on, and how they are reached. */
export interface SshSettings {
  /** How many engines on each host: `{ 'node1': 4, 'me@node2': 8 }`. A list shares `n` among its hosts. */
  readonly hosts?: Readonly<Record<string, number>> | readonly string[] | undefined
  /** The host that the controller runs on, where ssh starts it: `node0` or `me@node0`. */
  readonly controllerHost?: string | undefined
  /** The user's name on that host. Default: what ssh's configuration says. */
  readonly controllerUser?: string | undefined
  /** The ssh command, by name or path. Default: `ssh`. */
  readonly command?: string | undefined
  /** Its options, such as `['-F', 'my_ssh_config']` or `['-i', 'key']`. */
  readonly args?: readonly string[] | undefined
  /** Node on the hosts. Default: where it is here. */
  readonly node?: string | undefined
  /** Folder of this package on the hosts. Default: where it is here. */
  readonly packagePath?: string | undefined
  /**
   * Whether the controller is reached through ssh's connections, by engines on the hosts and, where it runs on a host,
   * from here. Default: `auto`, where it cannot be reached otherwise.
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
function countByHost(settings: SshSettings | undefined, n: number | undefined): ReadonlyMap<string, number> {
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

/**
 * How many engines of each of several kinds on which host: each kind is shared among the hosts of a list, and takes the
 * next places where each host has a number of them.
 *
 * @param ns - how many there are to be of each kind; a single one may be left open.
 * @throws ConfigurationError as countByHost.
 */
export function countKindsByHost(
  settings: SshSettings | undefined,
  ns: readonly (number | undefined)[],
): readonly ReadonlyMap<string, number>[] {
  if (ns.length === 1 || Array.isArray(settings?.hosts)) return ns.map(n => countByHost(settings, n))
  const total = ns.reduce<number>((sum, n) => sum + (n ?? 0), 0)
  const places = [...countByHost(settings, total)].flatMap(([host, count]) => Array<string>(count).fill(host))
  return ns.map(n => {
    const counts = new Map<string, number>()
    for (const host of places.splice(0, n)) counts.set(host, (counts.get(host) ?? 0) + 1)
    return counts
  })
}

/**
 * The controller's host, as ssh takes it.
 *
 * @throws ConfigurationError when none is named.
 */
export function controllerHost(settings: SshSettings | undefined): string {
  const { controllerHost: host, controllerUser: user } = settings ?? {}
  if (host === undefined || host === '')
    throw new ConfigurationError(
      'a controller over ssh needs a host: name it with ssh: { controllerHost: "node0" }',
    )
  return user === undefined ? host : `${user}@${host.slice(host.indexOf('@') + 1)}`
}

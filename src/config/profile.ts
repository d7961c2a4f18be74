/**
 * Where a profile lies on disk. The layout is IPython's own, so that Python's ends and ours find each other:
 * `$IPYTHONDIR` or `~/.ipython` holds `profile_NAME/`, and that holds `security/`, `log/` and `pid/`.
 * Source: wire-protocol reference, section 1.1.
 */

import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import process from 'node:process'
import { ConfigurationError } from '../errors.ts'

const DEFAULT_PROFILE = 'default'

/** What profile names and cluster ids may consist of: they become parts of file names. */
const SAFE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$/
const NAME_CHARS_MAX = 100

export interface ProfileLocation {
  /** Name of the profile. Default: `default`, or the directory that IPP_PROFILE_DIR names. */
  readonly profile?: string | undefined
  /** The profile's directory itself; wins over its name. */
  readonly profileDir?: string | undefined
}

/** The base directory of all profiles: `$IPYTHONDIR`, else `~/.ipython`. */
export function ipythonDir(): string {
  const fromEnvironment = process.env.IPYTHONDIR
  return fromEnvironment ? expandPath(fromEnvironment) : join(homedir(), '.ipython')
}

/**
 * The directory of a profile, which need not exist yet. What is asked for by name or directory wins over
 * `$IPP_PROFILE_DIR`, which wins over the default profile.
 *
 * @throws ConfigurationError when the name cannot be part of a path.
 */
export function profileDirectory(location: ProfileLocation = {}): string {
  if (location.profileDir) return expandPath(location.profileDir)
  if (location.profile) {
    checkName(location.profile, 'profile')
    return join(ipythonDir(), `profile_${location.profile}`)
  }
  const fromEnvironment = process.env.IPP_PROFILE_DIR
  if (fromEnvironment) return expandPath(fromEnvironment)
  return join(ipythonDir(), `profile_${DEFAULT_PROFILE}`)
}

/** A cluster, by where its files lie. */
export interface ResolvedPlace {
  readonly profileDir: string
  readonly clusterId: string
}

/** @throws ConfigurationError when a name cannot be part of a path. */
export function resolvePlace(
  place: ProfileLocation & { readonly clusterId?: string | undefined },
): ResolvedPlace {
  return { profileDir: profileDirectory(place), clusterId: checkedClusterId(place.clusterId) }
}

/** Where connection files and cluster files lie. */
export function securityDirectory(profileDir: string): string {
  return join(profileDir, 'security')
}

/** Where log files lie. */
export function logDirectory(profileDir: string): string {
  return join(profileDir, 'log')
}

/** Where running programs leave their process numbers. */
export function pidDirectory(profileDir: string): string {
  return join(profileDir, 'pid')
}

/** The name to show for a profile directory: `mpi` for `…/profile_mpi`, otherwise the path itself. */
export function profileName(profileDir: string): string {
  const name = basename(profileDir)
  const own = name.startsWith('profile_') && profileDir === join(ipythonDir(), name)
  return own ? name.slice('profile_'.length) : profileDir
}

/** Directories of all profiles that exist, by name. */
export function profileDirectories(): string[] {
  const base = ipythonDir()
  let names: string[]
  try {
    names = readdirSync(base)
  } catch {
    return []
  }
  return names
    .filter(name => name.startsWith('profile_'))
    .sort()
    .map(name => join(base, name))
    .filter(path => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
}

/**
 * The cluster id to use: as given, else `$IPP_CLUSTER_ID`, else none.
 *
 * @throws ConfigurationError when it cannot be part of a file name.
 */
export function checkedClusterId(clusterId?: string | undefined): string {
  const id = clusterId ?? process.env.IPP_CLUSTER_ID ?? ''
  if (id !== '') checkName(id, 'cluster id')
  return id
}

/**
 * Makes a folder that only its owner may enter, and closes it to others where it existed and was open.
 *
 * @throws ConfigurationError when that is not possible.
 */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o700)
  } catch (cause) {
    throw new ConfigurationError(`cannot use the folder ${path}: ${(cause as Error).message}`, { cause })
  }
}

function checkName(name: string, what: string): void {
  if (name.length <= NAME_CHARS_MAX && SAFE_NAME.test(name)) return
  throw new ConfigurationError(
    `${JSON.stringify(name)} cannot be a ${what}: use letters, digits, "_", "-", "." (not in front), at most ${NAME_CHARS_MAX} characters`,
  )
}

function expandPath(path: string): string {
  return resolve(path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path)
}

/**
 * Configuration files: `ipcluster_config.ts` (or `.js`, `.mjs`, `.json`) in a profile's folder, and the like for
 * ipcontroller and ipengine.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigurationError } from '../errors.ts'
import { CLASSIC_NAMES, classicMeaning, launcherByClass } from './classic-names.ts'
import { nearest } from './nearest.ts'
import { describeValue, settingProblem } from './setting-problem.ts'
import { type ConfiguredProgram, SETTINGS } from './settings.ts'

/** The values that a file sets, checked. */
export type Configuration = Readonly<Record<string, unknown>>

/** Settings that may name a launcher by its classic class. */
const LAUNCHER_SETTINGS: readonly string[] = ['engines', 'launcher', 'controller']
const EXTENSIONS = ['ts', 'mts', 'js', 'mjs', 'json'] as const

/** Path of a program's configuration file with this ending. */
export function configPath(profileDir: string, program: ConfiguredProgram, extension = 'ts'): string {
  return join(profileDir, `${program}_config.${extension}`)
}

/**
 * Reads and checks a program's configuration file. Empty when there is none.
 *
 * @throws ConfigurationError with file, line and the nearest right name for what is wrong in it.
 */
export async function readConfiguration(
  profileDir: string,
  program: ConfiguredProgram,
): Promise<Configuration> {
  const paths = EXTENSIONS.map(extension => configPath(profileDir, program, extension)).filter(existsSync)
  if (paths.length > 1)
    throw new ConfigurationError(
      `there are ${paths.join(' and ')}: keep one of them, so that it is clear which counts`,
    )
  const path = paths[0]
  return path === undefined ? {} : check(await load(path), program, path)
}

async function load(path: string): Promise<unknown> {
  try {
    if (path.endsWith('.json')) return JSON.parse(readFileSync(path, 'utf8')) as unknown
    // Types are taken out on the way, and a changed file is read anew.
    const { createJiti } = await import('jiti')
    const jiti = createJiti(import.meta.url, { moduleCache: false, fsCache: false, alias: ALIASES })
    return await jiti.import(path, { default: true })
  } catch (cause) {
    throw new ConfigurationError(`${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** A file lies wherever the profile does, and must find this package all the same. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const ALIASES = {
  'itsparallel/config': fileURLToPath(new URL(`./get-config.${extension}`, import.meta.url)),
}

function check(found: unknown, program: ConfiguredProgram, path: string): Configuration {
  if (typeof found !== 'object' || found === null || Array.isArray(found))
    throw new ConfigurationError(
      `${path} exports ${describeValue(found)}: export an object of settings by default`,
    )
  const source = new SourceText(path)
  const checked: Record<string, unknown> = {}
  for (const [name, value] of flatten(found as Configuration)) {
    const own = ownSetting(name, program, source)
    if (own === undefined) continue
    const converted = own.convert === undefined ? value : own.convert(value)
    const [key = '', inner] = own.key.split('.')
    // A setting of a launcher stands within the launcher's.
    const whole = inner === undefined ? converted : { ...(checked[key] as object), [inner]: converted }
    const problem = settingProblem(program, key, whole)
    if (problem !== undefined) throw new ConfigurationError(`${source.place(name)}: ${name} ${problem}`)
    checked[key] = whole
  }
  return checked
}

/** `{ IPController: { ip: '*' } }` is `IPController.ip`; our own settings begin with a small letter. */
function* flatten(found: Configuration): Iterable<readonly [name: string, value: unknown]> {
  for (const [name, value] of Object.entries(found)) {
    const isClass = /^[A-Z]\w*$/.test(name) && typeof value === 'object' && value !== null
    if (!isClass) yield [name, value]
    else for (const [trait, inner] of Object.entries(value)) yield [`${name}.${trait}`, inner]
  }
}

interface OwnSetting {
  readonly key: string
  readonly convert?: ((value: unknown) => unknown) | undefined
}

/** @returns undefined for a classic setting of another program, which may stand in any file. */
function ownSetting(name: string, program: ConfiguredProgram, source: SourceText): OwnSetting | undefined {
  if (Object.hasOwn(SETTINGS[program], name))
    return { key: name, convert: LAUNCHER_SETTINGS.includes(name) ? launcherByClass : undefined }
  const meaning = classicMeaning(name)
  if (meaning !== undefined) return meaning.program === program ? meaning : undefined
  const known = name.includes('.') ? CLASSIC_NAMES : Object.keys(SETTINGS[program])
  const [near] = nearest(name, known)
  const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`
  throw new ConfigurationError(`${source.place(name)}: ${program} has no setting ${name}; ${hint}`)
}

/** The text of a file, for telling where something stands in it. */
class SourceText {
  readonly #path: string
  #lines: readonly string[] | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** `file:line` of the last mention of a name that is no comment: the one that counts. */
  place(name: string): string {
    this.#lines ??= readFileSync(this.#path, 'utf8').split('\n')
    const word = name.split('.').at(-1)!
    const pattern = new RegExp(`(?<![\\w$])${word.replace(/[$]/g, '\\$&')}(?![\\w$])`)
    const at = this.#lines.findLastIndex(line => pattern.test(line) && !/^\s*(?:\/\/|\*|\/\*)/.test(line))
    return at === -1 ? this.#path : `${this.#path}:${at + 1}`
  }
}

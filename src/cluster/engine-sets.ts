/** Which engines a cluster has: how many of which language, or by which command. */

import { ENGINE_LANGUAGES, LAUNCHER_NAMES, type LauncherName } from '../config/launcher-names.ts'
import { ConfigurationError, UsageError } from '../errors.ts'
import { checkLauncher } from './launchers.ts'
import { findPython, namePython } from './python.ts'

const ENGINES_MAX = 100_000

/** What an engine runs: JavaScript and TypeScript, or Python through ipyparallel's own engine. */
export type EngineLanguage = (typeof ENGINE_LANGUAGES)[number]

/** How many engines of each language. */
export type EngineMix = Partial<Record<EngineLanguage, number>>

/** What `engines` may be: a launcher, a language for all of them, or how many of each. */
export type EnginesOption = LauncherName | EngineLanguage | EngineMix

/** The part of a cluster's options that says which engines it has. */
export interface EngineSetOptions {
  readonly n?: number | undefined
  readonly engines?: EnginesOption | undefined
  /** What starts them, where `engines` does not say so itself. */
  readonly launcher?: LauncherName | undefined
  readonly engineCommand?: string | undefined
  readonly python?: string | undefined
}

/** Engines that are started alike. */
export interface EngineSet {
  /** Undefined: as many as whoever starts them says. */
  readonly n: number | undefined
  /** What `ipengine` is to run in its place; undefined for an engine of ours. */
  readonly command: readonly string[] | undefined
}

/** @throws UsageError unless `n` is a number of engines that can be started. */
export function checkEngineCount(n: number): void {
  if (Number.isSafeInteger(n) && n >= 1 && n <= ENGINES_MAX) return
  throw new UsageError(`cannot start ${n} engines: give a whole number from 1 to ${ENGINES_MAX}, such as 4`)
}

/**
 * Reads what `--engines` says: `local`, `python`, `python:2,node:2`.
 *
 * @throws UsageError, ConfigurationError when it is none of these.
 */
export function parseEngines(text: string): EnginesOption {
  if (isLanguage(text)) return text
  if (!/[:,]/.test(text)) return checkLauncher(text, ENGINE_LANGUAGES)
  const mix: EngineMix = {}
  for (const part of text.split(',')) {
    const [language = '', count = ''] = part.split(':')
    if (!isLanguage(language) || !/^\d+$/.test(count) || mix[language] !== undefined) {
      throw new UsageError(
        `--engines=${text}: give a number for each language once, such as --engines=python:2,node:2`,
      )
    }
    mix[language] = Number(count)
  }
  return mix
}

/** The text that `parseEngines` reads. */
export function formatEngines(engines: EnginesOption): string {
  if (typeof engines === 'string') return engines
  return Object.entries(engines)
    .map(([language, n]) => `${language}:${n}`)
    .join(',')
}

/**
 * What starts the engines: the launcher that `engines` names, or else the other option; `local` where neither says.
 *
 * @throws UsageError when they name two; ConfigurationError when there is none of that name.
 */
export function launcherOf({ engines, launcher }: EngineSetOptions): LauncherName {
  const isNamed = typeof engines === 'string' && LAUNCHER_NAMES.includes(engines as LauncherName)
  if (!isNamed) return checkLauncher(launcher ?? 'local')
  if (launcher === undefined || launcher === engines) return engines as LauncherName
  throw new UsageError(
    `engines names the launcher ${engines}, and launcher names ${launcher}: give one of them, or say by engines which they are (node, python, or how many of each)`,
  )
}

/**
 * The sets that were chosen, in the order of their engines' start.
 *
 * @throws UsageError when the options contradict one another; ConfigurationError when there is no Python to run.
 */
export function engineSets(options: EngineSetOptions): readonly EngineSet[] {
  const { engines, engineCommand, python } = options
  const command = engineCommand === undefined ? undefined : shellCommand(engineCommand)
  if (typeof engines !== 'object' || engines === null) {
    if (command !== undefined && engines !== undefined && isLanguage(engines)) {
      throw new UsageError(`give either engines: '${engines}' or a command for the engines, not both`)
    }
    return [{ n: options.n, command: command ?? commandOf(engines, python, launcherOf(options)) }]
  }
  if (command !== undefined)
    throw new UsageError('a command for the engines is for all of them: give a number of engines, not a mix')
  const sets = Object.entries(engines).map(([language, count]) => {
    if (!isLanguage(language)) throw new UsageError(unknownLanguage(language))
    checkEngineCount(count)
    return { n: count, command: commandOf(language, python, launcherOf(options)) }
  })
  const total = sets.reduce((sum, set) => sum + set.n, 0)
  if (total === 0) throw new UsageError('a mix of engines needs at least one, such as { python: 2, node: 2 }')
  if (options.n !== undefined && options.n !== total) {
    throw new UsageError(
      `${formatEngines(engines)} makes ${total} engines, but n is ${options.n}: leave n out`,
    )
  }
  return sets
}

function commandOf(
  engines: string | undefined,
  python: string | undefined,
  launcher: LauncherName,
): readonly string[] | undefined {
  if (engines !== 'python') return undefined
  // What other hosts have is seen there.
  const path = launcher === 'ssh' ? namePython(python) : findPython(python)
  return [path, '-m', 'ipyparallel.engine']
}

/** The shell takes the words of a command apart, with all its rules; the arguments of the engine are added to them. */
function shellCommand(command: string): readonly string[] {
  if (command.trim() === '') throw new ConfigurationError('the command for the engines is empty')
  return ['/bin/sh', '-c', `exec ${command} "$@"`, 'ipengine']
}

function isLanguage(text: string): text is EngineLanguage {
  return ENGINE_LANGUAGES.includes(text as EngineLanguage)
}

function unknownLanguage(language: string): string {
  return `there are no engines for ${JSON.stringify(language)}: use ${ENGINE_LANGUAGES.join(', ')}`
}

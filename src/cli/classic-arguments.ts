/** Arguments in IPython's spelling. */

import type { Command } from 'commander'
import { CLASSIC_NAMES, classicMeaning } from '../config/classic-names.ts'
import { nearest } from '../config/nearest.ts'
import { UsageError } from '../errors.ts'

/** Settings whose option has another name: it may be repeated, once for each value. */
export const OPTION_OF: Readonly<Record<string, string>> = {
  controllerArgs: 'controllerArg',
  engineArgs: 'engineArg',
}

/** `--IPClusterEngines.engine_launcher_class=MPIEngineSetLauncher`, with one dash or two. */
const CLASSIC_ARGUMENT = /^--?([A-Z]\w*\.\w+)=(.*)$/s

/**
 * Arguments in IPython's spelling as options of ours.
 *
 * @throws UsageError for a classic name that means nothing here.
 */
export function translateClassicArguments(argv: readonly string[], command: Command): string[] {
  return argv.map(argument => {
    const match = CLASSIC_ARGUMENT.exec(argument)
    if (match === null) return argument
    const [, name = '', text = ''] = match
    const meaning = classicMeaning(name)
    if (meaning === undefined) throw unknownName(name, command)
    const [launcher = '', setting] = meaning.key.split('.')
    const given = setting === undefined ? text : readList(text)
    const value = meaning.convert === undefined ? given : meaning.convert(given)
    if (setting !== undefined) {
      return `--launcher-settings=${JSON.stringify({ [launcher]: { [setting]: value } })}`
    }
    const option = dashed(OPTION_OF[meaning.key] ?? meaning.key)
    if (value === 'True' || value === 'true') return option
    return `${option}=${String(value)}`
  })
}

/** Lists are given as Python's, which is JSON but for its quotes; anything else is one word. */
function readList(text: string): unknown {
  try {
    return JSON.parse(text.replaceAll("'", '"'))
  } catch {
    return text
  }
}

function dashed(key: string): string {
  return `--${key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
}

function unknownName(name: string, command: Command): UsageError {
  const [near] = nearest(name, CLASSIC_NAMES)
  const hint =
    near === undefined ? `\`${command.name()} --help\` shows our own options` : `did you mean --${near}?`
  return new UsageError(`there is no setting ${name} here; ${hint}`)
}

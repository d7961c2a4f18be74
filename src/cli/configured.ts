/** How configuration files reach the options of a command. */

import { readConfiguration } from '../config/config-file.ts'
import { mergeSettings } from '../config/merge-settings.ts'
import { profileDirectory } from '../config/profile.ts'
import type { ConfiguredProgram } from '../config/settings.ts'
import { OPTION_OF } from './classic-arguments.ts'
import type { PlaceOptions } from './options.ts'

/**
 * Fills in what the command line leaves open from the profile's configuration file. What a file calls by a plural
 * (`engineArgs`) is an option that may be repeated (`--engine-arg`).
 *
 * @throws ConfigurationError with file and line for what is wrong in it.
 */
export async function withConfiguration<Options extends PlaceOptions>(
  options: Options,
  program: ConfiguredProgram,
): Promise<Options> {
  const configuration = await readConfiguration(profileDirectory(options), program)
  const filled: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(configuration))
    filled[OPTION_OF[key] ?? key] = key === 'engines' ? asOption(value) : value
  return { ...options, ...mergeSettings(filled, options) }
}

/** How many engines of each language, as `--engines` has it. */
function asOption(engines: unknown): unknown {
  if (typeof engines !== 'object' || engines === null) return engines
  return Object.entries(engines)
    .map(([language, n]) => `${language}:${String(n)}`)
    .join(',')
}

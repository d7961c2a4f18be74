import { existsSync, writeFileSync } from 'node:fs'
import { ConfigurationError } from '../errors.ts'
import { configPath } from './config-file.ts'
import { configTemplate } from './config-template.ts'
import { logDirectory, makePrivateDirectory, pidDirectory, securityDirectory } from './profile.ts'
import { CONFIGURED_PROGRAMS } from './settings.ts'

/** A configuration file of a profile that was made. */
export interface CreatedFile {
  readonly path: string
  /** False: it was there, and was left as it is. */
  readonly isNew: boolean
}

/**
 * Makes a profile's folder, with its configuration files.
 *
 * @param options.reset - write files anew that are there already.
 * @throws ConfigurationError when that is not possible.
 */
export function createProfile(folder: string, options: { readonly reset: boolean }): CreatedFile[] {
  for (const directory of [folder, securityDirectory(folder), logDirectory(folder), pidDirectory(folder)])
    makePrivateDirectory(directory)
  return CONFIGURED_PROGRAMS.map(program => {
    const path = configPath(folder, program)
    if (existsSync(path) && !options.reset) return { path, isNew: false }
    try {
      writeFileSync(path, configTemplate(program))
    } catch (cause) {
      throw new ConfigurationError(`cannot write ${path}: ${(cause as Error).message}`, { cause })
    }
    return { path, isNew: true }
  })
}

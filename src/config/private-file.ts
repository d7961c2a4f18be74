import { randomBytes } from 'node:crypto'
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ConfigurationError } from '../errors.ts'
import { makePrivateDirectory } from './profile.ts'

/**
 * Writes a file that others may never read or see half of: made with its final mode under a temporary name in the same
 * folder, then renamed. The folder is made, closed to others, where it does not exist.
 *
 * @throws ConfigurationError when it cannot be written.
 */
export function writePrivateFile(path: string, text: string, mode = 0o600): void {
  const folder = dirname(path)
  makePrivateDirectory(folder)
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}`)
  try {
    const descriptor = openSync(temporary, 'wx', mode)
    try {
      writeSync(descriptor, text)
    } finally {
      closeSync(descriptor)
    }
    renameSync(temporary, path)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw new ConfigurationError(`cannot write ${path}: ${(cause as Error).message}`, { cause })
  }
}

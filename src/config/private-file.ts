import { randomBytes } from 'node:crypto'
import { closeSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ConfigurationError } from '../errors.ts'
import { makePrivateDirectory } from './profile.ts'

export interface WritePrivateFileOptions {
  /** Write only where no such file is. */
  readonly exclusive?: boolean
}

/**
 * Writes a file that others may never read or see half of: made with mode 0600 under a temporary name in the same
 * folder, then renamed. The folder is made, closed to others, where it does not exist.
 *
 * @returns false when `exclusive` found a file there; it is left as it was.
 * @throws ConfigurationError when it cannot be written.
 */
export function writePrivateFile(path: string, text: string, options: WritePrivateFileOptions = {}): boolean {
  const folder = dirname(path)
  makePrivateDirectory(folder)
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}`)
  try {
    const descriptor = openSync(temporary, 'wx', 0o600)
    try {
      writeSync(descriptor, text)
    } finally {
      closeSync(descriptor)
    }
    if (options.exclusive !== true) renameSync(temporary, path)
    else linkSync(temporary, path)
    return true
  } catch (cause) {
    if (options.exclusive === true && (cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new ConfigurationError(`cannot write ${path}: ${(cause as Error).message}`, { cause })
  } finally {
    rmSync(temporary, { force: true })
  }
}

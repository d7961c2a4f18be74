import { randomBytes } from 'node:crypto'
import { closeSync, linkSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs'
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
  const temporary = join(folder, `${temporaryPrefix(path)}${randomBytes(6).toString('hex')}`)
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

/** Paths under which a file was being written by whoever was killed meanwhile: to be removed when its owner is gone. */
export function halfWritten(path: string): string[] {
  const folder = dirname(path)
  try {
    return readdirSync(folder)
      .filter(name => name.startsWith(temporaryPrefix(path)))
      .map(name => join(folder, name))
  } catch {
    return []
  }
}

function temporaryPrefix(path: string): string {
  return `.${basename(path)}.`
}

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../errors.ts'

/** Source text, and the absolute path of the file that it stands in. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/**
 * Reads a program that is to be run elsewhere.
 *
 * @param file - a path from the working directory, or a `file:` URL.
 * @throws UsageError when it cannot be read.
 */
export function readSourceFile(file: string | URL): SourceFile {
  try {
    const text = readFileSync(file, 'utf8')
    return { path: resolve(file instanceof URL ? fileURLToPath(file) : file), text }
  } catch (cause) {
    const { message } = cause as Error
    throw new UsageError(
      `the file to run cannot be read: ${message}; a path is taken from ${process.cwd()}`,
      { cause },
    )
  }
}

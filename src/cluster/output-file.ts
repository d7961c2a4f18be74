import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hideKeys } from './hide-keys.ts'

const TAIL_LINES = 20
/** As many bytes are read for each line; longer lines are fewer. */
const LINE_BYTES = 200
const FILE_BYTES_MAX = 4 * 1024 * 1024
const TRIM_EVERY_MS = 10_000

/**
 * Takes what a program writes to stdout and stderr, for the last lines of one that fails. It is a file without a name:
 * a pipe would stop a chatty program whenever its keeper is busy, and a file with a name would be left behind by a
 * keeper that is killed.
 */
export class OutputFile {
  readonly fd: number
  readonly #trimmer: NodeJS.Timeout
  #closed = false

  constructor() {
    const path = join(tmpdir(), `itsparallel-${randomBytes(8).toString('hex')}`)
    this.fd = openSync(path, 'ax+', 0o600)
    unlinkSync(path)
    this.#trimmer = setInterval(() => this.#trim(), TRIM_EVERY_MS)
    this.#trimmer.unref()
  }

  /** The last lines written so far, without the cluster's key. @param count - lines at most. */
  tail(count = TAIL_LINES): string {
    if (this.#closed) return ''
    const size = fstatSync(this.fd).size
    const bytes = Buffer.alloc(Math.min(size, count * LINE_BYTES))
    readSync(this.fd, bytes, 0, bytes.length, size - bytes.length)
    const lines = bytes.toString('utf8').trimEnd().split('\n')
    // The first line is as a rule cut in the middle when there was more.
    if (size > bytes.length && lines.length > 1) lines.shift()
    return hideKeys(lines.slice(-count).join('\n'))
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#trimmer)
    closeSync(this.fd)
  }

  /** Writers append, so they go on at the new end. */
  #trim(): void {
    if (fstatSync(this.fd).size > FILE_BYTES_MAX) ftruncateSync(this.fd, 0)
  }
}

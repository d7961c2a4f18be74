import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { type SqlServiceOptions, serveRecords } from '../../../../src/controller/records/sql-service.ts'
import type { DatabaseLink } from '../../../../src/controller/records/sql-store.ts'

/** The database in this thread, at the other end of a channel: messages are copied as between threads. */
export function inThisThread(options: SqlServiceOptions): DatabaseLink {
  const { port1, port2 } = new MessageChannel()
  serveRecords(port2, options)
  return {
    post: (message, transfer = []) => port1.postMessage(message, [...transfer]),
    listen: onMessage => void port1.on('message', onMessage),
    close: async () => port1.close(),
  }
}

/** A folder that is gone at the end of its scope. */
export class TemporaryFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'itsparallel-records-'))

  file(name = 'records.db'): string {
    return join(this.path, name)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

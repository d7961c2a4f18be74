import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import type { Logger } from '../../../../src/base/log.ts'
import type { RecordStore } from '../../../../src/controller/records/record-store.ts'
import {
  type DatabaseLink,
  MESSAGE_BYTES_MAX,
  openSqlStore,
  type SqlStoreOptions,
} from '../../../../src/controller/records/sql-store.ts'
import type { RecordQuestion } from '../../../../src/controller/state/record-questions.ts'
import { recordStoreSuite } from '../../../common/record-store-suite.ts'
import { applyReply, applyRequest } from '../tools.ts'
import { inThisThread, TemporaryFolder } from './database-link.ts'

/** Remembers warnings. */
class Warnings implements Logger {
  readonly lines: string[] = []
  debug(): void {}
  info(): void {}
  warn(message: string): void {
    this.lines.push(message)
  }
  error(message: string): void {
    this.lines.push(message)
  }
}

const log = new Warnings()

function open(path: string, options: Partial<SqlStoreOptions> = {}): Promise<RecordStore> {
  return openSqlStore({ path, log, connect: inThisThread, ...options })
}

async function answer(store: RecordStore, question: RecordQuestion): Promise<Record<string, unknown>> {
  return (await store.ask(question)).content as Record<string, unknown>
}

async function historyOf(store: RecordStore): Promise<readonly string[]> {
  return (await answer(store, { type: 'history' })).history as string[]
}

function run(store: RecordStore, msgId: string, value = 'value'): void {
  const request = applyRequest(msgId)
  store.submitted(msgId, request, 'task')
  store.finished(msgId, request, 'task', 'e', applyReply(msgId, { status: 'ok' }, value), 'now')
}

const results = (...ids: string[]) => ({ type: 'results', ids, pending: [], statusOnly: false }) as const

const shared = new TemporaryFolder()
afterAll(() => shared[Symbol.dispose]())
let files = 0
recordStoreSuite('SqlStore', () => open(shared.file(`${++files}.db`)))

describe('openSqlStore', () => {
  it('finds what was kept when it is opened again, in a file that only its owner may read', async () => {
    using folder = new TemporaryFolder()
    const first = await open(folder.file())
    run(first, 'a')
    first.output('a', 'stream', { name: 'stdout', text: 'hello' })
    expect(statSync(folder.file()).mode & 0o777).toBe(0o600)
    expect(statSync(folder.file('records.db-wal')).mode & 0o777).toBe(0o600)
    await first.close()
    expect(readdirSync(folder.path)).toEqual(['records.db'])
    chmodSync(folder.file(), 0o644)
    const second = await open(folder.file())
    expect(statSync(folder.file()).mode & 0o777).toBe(0o600)
    const content = await answer(second, results('a'))
    expect(content).toMatchObject({ completed: ['a'], a: { io: { stdout: 'hello' } } })
    await second.close()
  })

  it('says of what was under way that it is lost, and gives it to be resubmitted', async () => {
    using folder = new TemporaryFolder()
    const first = await open(folder.file())
    run(first, 'done')
    first.submitted('waits', applyRequest('waits'), 'task')
    first.submitted('runs', applyRequest('runs'), 'mux', 'e1')
    await first.close()
    const second = await open(folder.file())
    const content = await answer(second, results('done', 'runs', 'waits'))
    expect(content).toMatchObject({
      pending: [],
      completed: ['done', 'runs', 'waits'],
      lost: ['runs', 'waits'],
      runs: {
        result_header: { msg_type: 'apply_reply' },
        result_metadata: { status: 'error', engine: 'e1' },
        result_content: { status: 'error', ename: 'EngineError' },
      },
    })
    const again = await second.ask({ type: 'resubmit', ids: ['waits'], newIds: ['new'] })
    expect(again.again[0]!.request.buffers.map(String)).toEqual(['call'])
    run(second, 'waits')
    expect(await answer(second, results('waits'))).not.toHaveProperty('lost')
    await second.close()
  })

  it('forgets the oldest that have ended when there are too many, and nothing that is under way', async () => {
    using folder = new TemporaryFolder()
    const store = await open(folder.file(), { recordsMax: 20 })
    store.submitted('waits', applyRequest('waits'), 'task')
    for (let i = 0; i < 19; i++) run(store, `m${i}`)
    expect(await historyOf(store)).toHaveLength(20)
    run(store, 'one more')
    expect(await historyOf(store)).toEqual([
      'waits',
      ...Array.from({ length: 16 }, (_, i) => `m${i + 3}`),
      'one more',
    ])
    await store.close()
  })

  it('forgets the oldest when they hold too many bytes, also after it was opened again', async () => {
    using folder = new TemporaryFolder()
    const limits = { bytesMax: 100_000 }
    let store = await open(folder.file(), limits)
    for (let i = 0; i < 30; i++) {
      run(store, `m${i}`, 'x'.repeat(10_000))
      if (i % 10 === 0) {
        await store.close()
        store = await open(folder.file(), limits)
      }
    }
    const kept = await historyOf(store)
    expect(kept.length).toBeGreaterThan(5)
    expect(kept.length).toBeLessThan(10)
    expect(kept.at(-1)).toBe('m29')
    await store.close()
  })

  it('forgets what is too old', async () => {
    using folder = new TemporaryFolder()
    const store = await open(folder.file())
    run(store, 'old')
    await store.close()
    const later = await open(folder.file(), { ageMaxMs: -1 })
    expect(await historyOf(later)).toEqual([])
    await later.close()
  })

  it('keeps no buffers of a message that is too large, and all the rest of it', async () => {
    using folder = new TemporaryFolder()
    const store = await open(folder.file())
    run(store, 'large', 'x'.repeat(MESSAGE_BYTES_MAX + 1))
    const { content, buffers } = await store.ask(results('large'))
    expect(content).toMatchObject({ completed: ['large'], large: { result_content: { status: 'ok' } } })
    expect(buffers).toEqual([])
    await store.close()
  })

  it.each([
    ['is in use by another controller', async (path: string) => open(path)],
    ['is damaged or no database', async (path: string) => writeFileSync(path, 'x'.repeat(9000))],
  ])('goes on in memory, with one warning, when its file %s', async (why, spoil) => {
    using folder = new TemporaryFolder()
    const first = await spoil(folder.file())
    const warnings = new Warnings()
    const store = await open(folder.file(), { log: warnings })
    run(store, 'a')
    expect(await historyOf(store)).toEqual(['a'])
    await store.close()
    expect(warnings.lines).toHaveLength(1)
    expect(warnings.lines[0]).toContain(why)
    await first?.close()
  })

  it('goes on in memory when the file cannot be made', async () => {
    using folder = new TemporaryFolder()
    writeFileSync(folder.file('file'), '')
    const warnings = new Warnings()
    const store = await open(folder.file('file/records.db'), { log: warnings })
    run(store, 'a')
    expect(await historyOf(store)).toEqual(['a'])
    await store.close()
    expect(warnings.lines[0]).toMatch(/in memory only.*cannot be used/)
  })

  it('goes on in memory when the database fails later, and refuses what was asked of it', async () => {
    using folder = new TemporaryFolder()
    const warnings = new Warnings()
    let fail = (): void => {}
    const connect: SqlStoreOptions['connect'] = options => {
      const link = inThisThread(options)
      return {
        ...link,
        listen(onMessage, onEnd) {
          link.listen(onMessage, onEnd)
          fail = () => onMessage({ type: 'failed', code: 'SQLITE_FULL', message: 'database or disk is full' })
        },
      } satisfies DatabaseLink
    }
    const store = await open(folder.file(), { log: warnings, connect })
    run(store, 'a')
    const asked = store.ask({ type: 'history' })
    fail()
    await expect(asked).rejects.toThrow(/its disk is full/)
    run(store, 'b')
    expect(await historyOf(store)).toEqual(['b'])
    await store.close()
    expect(warnings.lines).toHaveLength(1)
    expect(existsSync(folder.file())).toBe(true)
  })
})

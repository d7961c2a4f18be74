import { beforeEach, describe, expect, it } from 'vitest'
import { CapturedOutput, OutputScope } from '../../../src/engine/captured-output.ts'
import { type Cell, Cells } from '../../../src/engine/cells.ts'
import { Evaluator } from '../../../src/engine/evaluator.ts'
import type { ToIoThread } from '../../../src/engine/io-messages.ts'
import { History } from '../../../src/engine/kernel/history.ts'
import { Namespace } from '../../../src/engine/namespace.ts'
import { SharedState } from '../../../src/engine/shared-state.ts'
import { type Job, type RequestLink, ShellReplies } from '../../../src/engine/shell-replies.ts'
import { readExecute } from '../../../src/engine/shell-requests.ts'
import type { Envelope, Json } from '../../../src/protocol/envelope.ts'
import { Session } from '../../../src/protocol/session.ts'

const client = new Session({ key: 'k' })
const evaluator = new Evaluator(new Namespace())
const nowMs = (): number => 0

/** What was published, and what was answered. */
let published: string[]
let replies: Envelope[]
let history: History
let cells: Cells
let arrivals: number

const link: RequestLink = {
  session: new Session({ key: 'k' }),
  reply: (_request, body) => replies.push(client.open(body) as Envelope),
  warn: message => expect.unreachable(message),
}

beforeEach(() => {
  published = []
  replies = []
  arrivals = 0
  history = new History()
  const post = (message: ToIoThread): void => {
    if (message.type === 'publish') published.push(message.messageType)
  }
  const output = new CapturedOutput(post, new SharedState(), nowMs)
  const cleanStack = (stack: string): string => stack
  cells = new Cells({
    evaluator,
    output,
    history,
    replies: new ShellReplies({ uuid: 'e', output, nowMs, cleanStack }),
  })
})

function cellJob(code: string, more: object = {}): Job {
  const packed = client.pack({ type: 'execute_request', content: { code, ...more } })
  const request = link.session.open(packed) as Envelope
  arrivals += 1
  const scope = new OutputScope(request.headerFrame)
  return { request, link, arrival: arrivals, scope, started: '', startedMs: 0 }
}

function begin(job: Job): Cell {
  return cells.begin(job, readExecute(job.request))
}

/** Runs a cell as the shell does. @returns the content of its answer. */
async function run(code: string, more: object = {}): Promise<Json> {
  const cell = begin(cellJob(code, more))
  cell.finish(await cell.shownOf(await cell.run()))
  return replies.at(-1)!.content
}

describe('Cells', () => {
  it('numbers cells, and remembers those that are to be remembered', async () => {
    expect(await run('1 + 1')).toMatchObject({ status: 'ok', execution_count: 1 })
    expect(await run('2 + 2', { store_history: false })).toMatchObject({ execution_count: 2 })
    expect(await run('3 + 3', { silent: true })).toMatchObject({ execution_count: 3 })
    expect(await run('4 + 4')).toMatchObject({ execution_count: 4 })
    expect(history.answer({})).toEqual([
      [0, 1, '1 + 1'],
      [0, 4, '4 + 4'],
    ])
  })

  it('shows what goes in and what comes out, except of a silent cell', async () => {
    await run('6 * 7')
    expect(published).toEqual(['execute_input', 'execute_result', 'status'])
    published = []
    await run('6 * 7', { silent: true })
    expect(published).toEqual(['status'])
    published = []
    await run('undefined')
    expect(published).toEqual(['execute_input', 'status'])
  })

  it('asks the value how it is shown, and takes a promise for an answer', async () => {
    const cell = begin(cellJob(''))
    const bundle = { 'text/html': '<b>' }
    expect(cell.shownOf({ [Symbol.for('Jupyter.display')]: () => bundle })).toBe(bundle)
    const later = Promise.resolve(bundle)
    expect(cell.shownOf({ [Symbol.for('Jupyter.display')]: () => later })).toBe(later)
    expect(cell.shownOf(undefined)).toBeUndefined()
  })

  it('answers user expressions each by itself, one that fails included', async () => {
    const { user_expressions: results } = await run('', {
      user_expressions: { good: '6 * 7', bad: 'nowhere' },
    })
    expect(results).toEqual({
      good: { status: 'ok', data: { 'text/plain': '42' }, metadata: {} },
      bad: expect.objectContaining({ status: 'error', ename: 'ReferenceError' }),
    })
  })

  it('names a cell by its number in stack traces, and the text of a file by its path', () => {
    const stackOf = (job: Job): string => {
      try {
        begin(job).run()
      } catch (error) {
        return (error as Error).stack!
      }
      throw new Error('it did not fail')
    }
    expect(stackOf(cellJob('nowhere'))).toContain('at <execute 1>:1:1')
    const { request, ...rest } = cellJob('nowhere')
    const metadata = { itsparallel: { v: 1, file: '/a/b.js' } }
    const packed = client.pack({ type: 'execute_request', content: request.content, metadata })
    const fromFile = link.session.open(packed) as Envelope
    expect(stackOf({ ...rest, request: fromFile })).toContain('at /a/b.js:1:1')
  })

  it('gives up the cells that were there when one failed, and none that comes later', () => {
    const [failing, behind] = [cellJob('nowhere'), cellJob('1')]
    begin(failing)
    cells.fail(failing, new Error('no'), arrivals)
    expect(replies.at(-1)!.content).toMatchObject({ status: 'error', ename: 'Error', execution_count: 1 })
    expect(cells.isGivenUp(behind)).toBe(true)
    expect(cells.isGivenUp(cellJob('2'))).toBe(false)
  })

  it('gives up nothing behind a silent cell, nor behind one that says so', () => {
    for (const more of [{ silent: true }, { stop_on_error: false }]) {
      const [failing, behind] = [cellJob('nowhere', more), cellJob('1')]
      begin(failing)
      cells.fail(failing, new Error('no'), arrivals)
      expect(cells.isGivenUp(behind)).toBe(false)
    }
  })
})

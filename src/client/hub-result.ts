import type { MessageId } from '../base/ids.ts'
import { RemoteError, UsageError } from '../errors.ts'
import type { Envelope, Json } from '../protocol/envelope.ts'
import type { MaybePromise } from '../serialize/payload.ts'
import type { Message } from '../transport/socket.ts'
import { AsyncResult } from './async-result.ts'
import type { Dispatcher } from './dispatcher.ts'
import { decodeExecuteReply } from './execute-reply.ts'
import { readResults, replyOf } from './hub-reply.ts'
import { type Output, readOutput } from './outputs.ts'
import { addRecord, RequestRecord, seal, settled } from './request-record.ts'
import { decodeValue } from './view.ts'
import { wireDateMs } from './wire-date.ts'

/** How often a hub is asked that answers at once although nothing has ended: as the original's client, and then less. */
const FIRST_PAUSE_MS = 100
const PAUSE_MS_MAX = 2000

/**
 * A result of requests that anybody made, as the hub has them: of another client, of this one before, or resubmitted.
 *
 * @param ids - their ids, or a promise of them: the result then has no parts until they are known.
 * @param single - whether its value is that of its one request.
 */
export function hubResult(
  host: Dispatcher,
  what: string,
  ids: readonly string[] | Promise<readonly string[]>,
  single: boolean,
): AsyncResult<unknown> {
  const result = new AsyncResult<unknown>(host, what, single)
  const begin = (msgIds: readonly string[]): RequestRecord[] => {
    const records = msgIds.map(msgId => recordOf(host, msgId, result))
    for (const record of records) result[addRecord](record)
    result[seal]()
    return records
  }
  if (ids instanceof Promise) {
    ids.then(
      msgIds => follow(host, begin(msgIds)),
      error => failAll(begin(['']), error),
    )
  } else void follow(host, begin(ids))
  return result
}

/** What a hub refused, as a mistake of whoever asked. */
export function refusal(error: unknown): unknown {
  if (!(error instanceof RemoteError)) return error
  return new UsageError(`the hub cannot do that: ${error.evalue} (${error.ename})`, { cause: error })
}

function recordOf(host: Dispatcher, msgId: string, owner: AsyncResult<unknown>): RequestRecord {
  return new RequestRecord({
    msgId: msgId as MessageId,
    // Whoever wants it aborted must ask every engine.
    route: 'balanced',
    engine: undefined,
    endsWithIdle: false,
    owner,
    decode: decodeResult,
    submittedMs: host.dateMs(),
    engines: host.roster,
    firstIndex: 0,
  })
}

/**
 * Asks until all have ended. Our own hub answers when one has; another answers at once, and is asked again after a
 * pause. Ends with the connection.
 */
async function follow(host: Dispatcher, records: readonly RequestRecord[]): Promise<void> {
  let open = records
  let pauseMs = FIRST_PAUSE_MS
  try {
    while (open.length > 0) {
      const asked = open
      await takeResults(host, asked)
      open = asked.filter(record => !record.isSettled)
      if (open.length < asked.length) pauseMs = FIRST_PAUSE_MS
      else {
        await pause(host, pauseMs)
        pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)
      }
    }
  } catch (error) {
    failAll(open, refusal(error))
  }
}

async function takeResults(host: Dispatcher, records: readonly RequestRecord[]): Promise<void> {
  const ids = [...new Set(records.map(record => record.msgId))]
  const answer = await host.question('result_request', { msg_ids: ids, wait: true })
  const results = readResults(answer)
  for (const { msgId, found, buffers } of results ?? [])
    for (const record of records) if (record.msgId === msgId) take(host, record, found, buffers)
  if (results !== undefined) return
  // A hub that does not say whose buffers are whose is asked for one after the other.
  for (const msgId of answer.content.completed as readonly string[])
    await takeResults(
      host,
      records.filter(record => record.msgId === msgId),
    )
}

/** Settles a request with what the hub has of it. */
function take(host: Dispatcher, record: RequestRecord, found: Json, buffers: Message): void {
  const { header, received, io } = found as { header: Json | null; received: unknown; io: Json | null }
  if (typeof header?.date === 'string') record.submittedMs = wireDateMs(header.date)
  record.outputs = outputsOf(io ?? {})
  const reply = replyOf(found, buffers)
  const receivedMs = typeof received === 'string' ? wireDateMs(received) : Number.NaN
  record.settle({ type: 'reply', reply }, Number.isNaN(receivedMs) ? host.dateMs() : receivedMs)
  record.owner[settled](record)
}

/** The hub keeps the text of each stream, and the last of everything else: their order is not known any more. */
function outputsOf(io: Json): Output[] {
  const outputs: Output[] = []
  const add = (type: string, content: object): void => void outputs.push(readOutput(type, content as Json))
  if (typeof io.execute_input === 'string') add('execute_input', { code: io.execute_input })
  for (const name of ['stdout', 'stderr'])
    if (typeof io[name] === 'string' && io[name] !== '') add('stream', { name, text: io[name] })
  for (const type of ['execute_result', 'error'])
    if (typeof io[type] === 'object' && io[type] !== null) add(type, io[type])
  return outputs
}

function decodeResult(reply: Envelope, record: RequestRecord): MaybePromise<unknown> {
  if (reply.header.msg_type === 'execute_reply') return decodeExecuteReply(reply, record)
  if (reply.buffers.length > 0) return decodeValue(reply)
  throw new UsageError(
    `the hub has not kept the value of task ${reply.parentHeader.msg_id}: it was too large. Run it again with resubmit()`,
  )
}

function failAll(records: readonly RequestRecord[], error: unknown): void {
  for (const record of records) {
    if (record.isSettled) continue
    record.fail(error)
    record.owner[settled](record)
  }
}

function pause(host: Dispatcher, ms: number): Promise<void> {
  return new Promise(resolve => {
    host.clock.after(ms, resolve)
  })
}

import { inspect } from 'node:util'
import type { MimeBundle } from '../protocol/catalogue.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { streamText } from './outputs.ts'
import type { RequestRecord } from './request-record.ts'

/** What came of running a piece of source text on one engine. */
export class ExecuteReply {
  /** How many pieces of text this engine has run and kept in its history. */
  readonly executionCount: number
  /** The value of the last expression, as text and perhaps other forms; undefined when nothing was shown. */
  readonly data: MimeBundle | undefined
  readonly stdout: string
  readonly stderr: string
  readonly engineId: number | undefined

  constructor(reply: Envelope, record: RequestRecord) {
    const count = reply.content.execution_count
    this.executionCount = typeof count === 'number' ? count : 0
    this.data = record.outputs?.find(output => output.type === 'execute_result')?.data
    this.stdout = streamText(record.outputs, 'stdout')
    this.stderr = streamText(record.outputs, 'stderr')
    this.engineId = record.engineId
  }

  /** The value of the last expression as text; empty when nothing was shown. */
  get text(): string {
    const text = this.data?.['text/plain']
    return typeof text === 'string' ? text : ''
  }

  toString(): string {
    const shown = this.text === '' ? '' : `: ${this.text}`
    return `<ExecuteReply [${this.executionCount}]${shown}>`
  }

  [inspect.custom](): string {
    return this.toString()
  }
}

export function decodeExecuteReply(reply: Envelope, record: RequestRecord): ExecuteReply {
  return new ExecuteReply(reply, record)
}

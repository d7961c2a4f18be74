import type { Json } from '../protocol/envelope.ts'
import type { Message } from '../transport/socket.ts'
import { readValue } from './view.ts'
import { wireDateMs } from './wire-date.ts'

/** What the hub remembers of one request. Null: not known, or not yet. */
export interface TaskRecord {
  readonly msgId: string
  readonly header: Json | null
  readonly metadata: Json | null
  readonly content: Json | null
  /** What the request carried: the function and its arguments, as they travelled. */
  readonly buffers: readonly Buffer[]
  readonly submitted: Date | null
  readonly clientUuid: string | null
  readonly engineUuid: string | null
  readonly started: Date | null
  readonly completed: Date | null
  /** The id under which it was submitted again. */
  readonly resubmitted: string | null
  /** When the hub saw the reply. */
  readonly received: Date | null
  readonly resultHeader: Json | null
  readonly resultMetadata: Json | null
  readonly resultContent: Json | null
  readonly resultBuffers: ResultBuffers
  /** Direct or load-balanced. */
  readonly queue: 'mux' | 'task' | null
  readonly executeInput: string | null
  readonly executeResult: Json | null
  readonly error: Json | null
  readonly stdout: string
  readonly stderr: string
  readonly label: unknown
}

/** What a request gave, as it travelled. */
export class ResultBuffers {
  readonly frames: readonly Buffer[]

  constructor(frames: readonly Buffer[]) {
    this.frames = frames
  }

  /** The value, read when it is asked for; undefined where there is none. @throws when it cannot be read. */
  async value(): Promise<unknown> {
    return this.frames.length === 0 ? undefined : await readValue(this.frames)
  }
}

/** Conditions on one field, all of which must hold. Dates are compared as times. */
export interface QueryOperators<Value> {
  readonly $eq?: Value
  readonly $ne?: Value
  readonly $lt?: Value
  readonly $lte?: Value
  readonly $gt?: Value
  readonly $gte?: Value
  readonly $in?: readonly Value[]
  readonly $nin?: readonly Value[]
  readonly $all?: readonly unknown[]
  /** Divisor and remainder. */
  readonly $mod?: readonly [number, number]
  readonly $exists?: boolean
  /** A pattern with `*`, `?` and `[abc]`. */
  readonly $glob?: string
}

/** A record's field that can be looked for. */
export type QueryField = Exclude<keyof TaskRecord, 'buffers' | 'resultBuffers'>

/** Which records are meant: fields with the values that they must have, or with conditions; all must hold. */
export type TaskQuery = {
  readonly [Field in QueryField]?: TaskRecord[Field] | QueryOperators<TaskRecord[Field]>
}

const DATES: ReadonlySet<string> = new Set(['submitted', 'started', 'completed', 'received'])

/** A query in the words of the wire. */
export function wireQuery(query: TaskQuery): Json {
  return Object.fromEntries(Object.entries(query).map(([field, value]) => [wireName(field), value]))
}

/** `resultHeader` is `result_header` on the wire. */
export function wireName(field: string): string {
  return field.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}

/** The records of a `db_reply`. */
export function readTaskRecords(content: Json, buffers: Message): TaskRecord[] {
  const records = content.records as readonly Json[]
  const own = content.buffer_lens as readonly number[] | null
  const results = content.result_buffer_lens as readonly number[] | null
  let at = 0
  const take = (lengths: readonly number[] | null, i: number): readonly Buffer[] => {
    const start = at
    at += lengths?.[i] ?? 0
    return buffers.slice(start, at)
  }
  return records.map((record, i) => {
    const fields: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(record)) fields[ownName(name)] = readField(name, value)
    const request = take(own, i)
    const result = take(results, i)
    if (own !== null) fields.buffers = request
    if (results !== null) fields.resultBuffers = new ResultBuffers(result)
    return fields as unknown as TaskRecord
  })
}

function ownName(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function readField(name: string, value: unknown): unknown {
  return DATES.has(name) && typeof value === 'string' ? new Date(wireDateMs(value)) : value
}

/**
 * Payloads of which parts are withheld, because the engine has them already or can ask for them.
 *
 * ```
 * head    as it is whole, with 2 added to its flags; ranges of it may be cut out
 * frames  as they are whole, without those that are withheld · a list of what is withheld, as JSON
 * list    [where, digest, bytes], in order; where is an offset in the whole head, or −1 − the index of a whole frame
 * ```
 */

import type { Frame, Message } from '../transport/socket.ts'
import { malformed } from './byte-reader.ts'
import { digestOf, SENT_ONCE_BYTES_MAX, type SentOnce } from './sent-once.ts'

/** Set in the flags of a head when parts are withheld. */
const WITHHELD_FLAG = 2
const FLAGS_AT = 3

type Entry = readonly [where: number, digest: string, bytes: number]

/** Where an engine finds the parts that payloads withhold. */
export interface WithheldParts {
  get(digest: string): Buffer | undefined
  /** Asks for parts; gives them all, in order. @throws when they cannot be had. */
  fetch(digests: readonly string[]): Promise<readonly Buffer[]>
}

const partsOf = new WeakMap<Message, readonly SentOnce[]>()

/** What the frames of a packed call withhold: it must be at hand until the call is answered. */
export function withheldFrom(frames: Message): readonly SentOnce[] | undefined {
  return isWithholding(frames) ? partsOf.get(frames) : undefined
}

export function isWithholding(frames: Message): boolean {
  return ((frames[0]?.[FLAGS_AT] ?? 0) & WITHHELD_FLAG) !== 0
}

/**
 * Leaves parts out of a whole payload.
 *
 * @param ranges - of the head, in order and apart.
 * @param withheld - frames by their index.
 */
export function withhold(
  whole: Message,
  ranges: readonly { readonly start: number; readonly part: SentOnce }[],
  withheld: ReadonlyMap<number, SentOnce>,
): Frame[] {
  const head = whole[0] as Frame
  const pieces: Buffer[] = []
  const list: Entry[] = []
  let at = 0
  for (const { start, part } of ranges) {
    pieces.push(head.subarray(at, start))
    list.push([start, part.digest, part.bytes.length])
    at = start + part.bytes.length
  }
  pieces.push(head.subarray(at))
  for (const [index, part] of withheld) list.push([-1 - index, part.digest, part.bytes.length])
  const rest = whole.filter((_, index) => index > 0 && !withheld.has(index))
  const frames = [Buffer.concat(pieces), ...rest, Buffer.from(JSON.stringify(list))]
  frames[0]![FLAGS_AT]! |= WITHHELD_FLAG
  partsOf.set(frames, [...ranges.map(range => range.part), ...withheld.values()])
  return frames
}

/** The whole payload; a promise where parts must be asked for. */
export function makeWhole(frames: Message, parts: WithheldParts | undefined): Message | Promise<Message> {
  const list = readList(frames.at(-1) as Frame)
  if (parts === undefined) throw malformed('it withholds parts of itself')
  const found = new Map<string, Buffer>()
  const missing = new Set<string>()
  for (const [, digest] of list) {
    const bytes = parts.get(digest)
    if (bytes === undefined) missing.add(digest)
    else found.set(digest, bytes)
  }
  if (missing.size === 0) return join(frames, list, found)
  const digests = [...missing]
  return parts.fetch(digests).then(fetched => {
    for (const [i, digest] of digests.entries()) found.set(digest, fetched[i] as Buffer)
    return join(frames, list, found)
  })
}

function readList(frame: Frame): readonly Entry[] {
  let list: unknown
  try {
    list = JSON.parse(frame.toString())
  } catch {
    // Told below.
  }
  if (Array.isArray(list) && list.every(isEntry)) return list
  throw malformed('its list of withheld parts is none')
}

function isEntry(entry: unknown): entry is Entry {
  if (!Array.isArray(entry) || entry.length !== 3) return false
  const [where, digest, bytes] = entry as unknown[]
  return (
    Number.isSafeInteger(where) &&
    typeof digest === 'string' &&
    Number.isSafeInteger(bytes) &&
    (bytes as number) >= 0 &&
    (bytes as number) <= SENT_ONCE_BYTES_MAX
  )
}

function join(frames: Message, list: readonly Entry[], found: ReadonlyMap<string, Buffer>): Message {
  const pieces: Buffer[] = []
  const rest: (Frame | undefined)[] = frames.slice(1, -1)
  const head = frames[0] as Frame
  let at = 0
  let wholeAt = 0
  for (const [where, digest, length] of list) {
    const bytes = found.get(digest)
    if (bytes?.length !== length) throw malformed('a withheld part is another one')
    if (where < 0) {
      if (-where > rest.length + 2) throw malformed('a withheld frame out of its place')
      // A copy: what a task does to its captured values is its own affair.
      rest.splice(-where - 2, 0, Buffer.from(new Uint8Array(bytes).buffer))
      continue
    }
    const until = at + where - wholeAt
    if (until < at || until > head.length) throw malformed('a withheld part out of its place')
    pieces.push(head.subarray(at, until), bytes)
    at = until
    wholeAt = where + length
  }
  pieces.push(head.subarray(at))
  const whole = pieces.length === 1 ? Buffer.from(head) : Buffer.concat(pieces)
  whole[FLAGS_AT]! &= ~WITHHELD_FLAG
  return [whole, ...(rest as Frame[])]
}

/** Whether a part that arrived is what its digest says. */
export function isGenuine({ digest, bytes }: SentOnce): boolean {
  return digestOf(bytes) === digest
}

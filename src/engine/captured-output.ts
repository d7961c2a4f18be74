import { AsyncLocalStorage } from 'node:async_hooks'
import { Buffer } from 'node:buffer'
import process from 'node:process'
import { Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type { MessageType } from '../protocol/catalogue.ts'
import type { ParentHeader, ToIoThread } from './io-messages.ts'
import type { SharedState } from './shared-state.ts'

/** A message of text is closed for more after so long, or so much. */
const SEQUENCE_MS = 4
const SEQUENCE_CHARS = 65_536
/** Text that may wait for the io thread before code that prints is held back. */
const WAITING_CHARS_MAX = 4 * 1024 * 1024
/** How long it is held back before text is dropped instead. */
const HOLD_MS = 5000
/** What one request may print in all. */
const REQUEST_CHARS_MAX = 64 * 1024 * 1024

const SEQUENCES_MAX = 0x7fff_ffff

export type StreamName = 'stdout' | 'stderr'

/** To whom output belongs: a request, also after it was answered; or, with no header, nobody in particular. */
export class OutputScope {
  readonly header: ParentHeader
  /** Messages published so far that carry this header. */
  messages = 0
  chars = 0
  isTruncated = false

  constructor(header: ParentHeader) {
    this.header = header
  }
}

/**
 * Hands what user code prints to the io thread, at once, so that it is seen while the main thread is blocked. An endless
 * loop of prints is held back to the pace at which output leaves, and cut off at a limit: memory stays bounded here,
 * in the controller, and in the client.
 */
export class CapturedOutput {
  readonly #post: (message: ToIoThread) => void
  readonly #shared: SharedState
  readonly #nowMs: () => number
  readonly #nobody = new OutputScope(undefined)
  readonly #current = new AsyncLocalStorage<OutputScope>()
  #sequence = 0
  #sequenceScope: OutputScope | undefined
  #sequenceName: StreamName = 'stdout'
  #sequenceChars = 0
  #sequenceSinceMs = 0

  constructor(post: (message: ToIoThread) => void, shared: SharedState, nowMs: () => number) {
    this.#post = post
    this.#shared = shared
    this.#nowMs = nowMs
  }

  /** From here on, in this call and in everything asynchronous that it starts, output belongs to `scope`. */
  enter(scope: OutputScope): void {
    this.#current.enterWith(scope)
  }

  get scope(): OutputScope {
    return this.#current.getStore() ?? this.#nobody
  }

  write(name: StreamName, text: string): void {
    const { scope } = this
    if (text === '' || scope.isTruncated) return
    scope.chars += text.length
    if (scope.chars > REQUEST_CHARS_MAX && scope !== this.#nobody) {
      scope.isTruncated = true
      const millions = REQUEST_CHARS_MAX / (1024 * 1024)
      this.#writeText(
        scope,
        'stderr',
        `\n[output cut off: one request may print ${millions} million characters]\n`,
      )
      return
    }
    if (this.#holdBack()) this.#writeText(scope, name, text)
  }

  /** A message that is not text. */
  publish(messageType: MessageType, topic: string, content: object, scope: OutputScope): void {
    this.#shared.open(0)
    scope.messages += 1
    this.#post({ type: 'publish', messageType, topic, content, parent: scope.header })
  }

  /** The request is over: what it printed need not wait for more. */
  finish(scope: OutputScope): void {
    if (this.#sequenceScope !== scope) return
    this.#sequenceScope = undefined
    this.#shared.open(0)
    this.#post({ type: 'flush' })
  }

  #writeText(scope: OutputScope, name: StreamName, text: string): void {
    this.#shared.beginWriting()
    if (!this.#continues(scope, name)) this.#openSequence(scope, name)
    this.#sequenceChars += text.length
    this.#post({ type: 'stream', sequence: this.#sequence, name, text, parent: scope.header })
    this.#shared.addWaiting(text.length)
    this.#shared.endWriting()
  }

  #continues(scope: OutputScope, name: StreamName): boolean {
    return (
      this.#sequenceScope === scope &&
      this.#sequenceName === name &&
      this.#sequenceChars < SEQUENCE_CHARS &&
      this.#shared.openSequence === this.#sequence &&
      this.#nowMs() - this.#sequenceSinceMs < SEQUENCE_MS
    )
  }

  #openSequence(scope: OutputScope, name: StreamName): void {
    this.#sequence = (this.#sequence % SEQUENCES_MAX) + 1
    this.#sequenceScope = scope
    this.#sequenceName = name
    this.#sequenceChars = 0
    this.#sequenceSinceMs = this.#nowMs()
    scope.messages += 1
    this.#shared.open(this.#sequence)
  }

  /** Waits until there is room; false when there is none for long. */
  #holdBack(): boolean {
    if (this.#shared.waitingChars <= WAITING_CHARS_MAX) return true
    const untilMs = this.#nowMs() + HOLD_MS
    while (this.#shared.waitingChars > WAITING_CHARS_MAX) {
      if (this.#nowMs() >= untilMs) return false
      this.#shared.waitForOutput(50)
    }
    return true
  }
}

/** Puts captured streams in the place of the process's own, for `process.stdout.write`, `console` and all others. */
export function captureStreams(output: CapturedOutput): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = new CapturedStream(name, output)
    Object.defineProperty(process, name, {
      value: stream,
      writable: true,
      enumerable: true,
      configurable: true,
    })
  }
}

class CapturedStream extends Writable {
  readonly isTTY = false
  readonly #name: StreamName
  readonly #output: CapturedOutput
  readonly #decoder = new StringDecoder()

  constructor(name: StreamName, output: CapturedOutput) {
    super({ decodeStrings: false })
    this.#name = name
    this.#output = output
  }

  get fd(): number {
    return this.#name === 'stdout' ? 1 : 2
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, done: () => void): void {
    const isText = typeof chunk === 'string' && /^utf-?8$/i.test(encoding)
    this.#output.write(
      this.#name,
      isText ? chunk : this.#decoder.write(Buffer.from(chunk as string, encoding)),
    )
    done()
  }

  /** As with the process's own streams: nobody can close them for everybody else. */
  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    done()
  }
}

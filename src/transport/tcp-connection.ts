import type { Socket as Stream } from 'node:net'
import { Alarm } from '../base/alarm.ts'
import { type Clock, type Millis, systemClock } from '../base/clock.ts'
import { Arrival, type ArrivalCarrier } from './arrival.ts'
import type { Link, LinkHost } from './link.ts'
import { SendQueue } from './send-queue.ts'
import type { Frame, Message } from './socket.ts'
import { subscriptionFrame } from './state/command.ts'
import { type ZmtpEffect, type ZmtpEvent, ZmtpMachine, type ZmtpOptions } from './state/zmtp-machine.ts'

/** Answers to PINGs and the like that a peer may leave unread before it is cut off. */
const CONTROL_BYTES_MAX = 1024 * 1024
/** Such answers that wait for the end of a message. */
const HELD_CONTROL_MAX = 10_000

/**
 * When so much waits, it is written in the middle of a turn: whoever sends thousands of messages in one turn should not
 * keep the other side idle until its end.
 */
const EARLY_FLUSH_BYTES = 128 * 1024

/** How long a peer that was cut off in the middle of a message may take to read what was sent to it before. */
const LAST_READS_MS: Millis = 2000

/** Connections that have something to write, until the end of this turn of the loop. */
let touched: TcpConnection[] = []

function flushTouched(): void {
  const connections = touched
  touched = []
  for (const connection of connections) connection.flush()
}

/** The shell around one ZMTP machine: a stream, the queue before it, and one timer. */
export class TcpConnection implements Link, ArrivalCarrier {
  identity: Buffer = Buffer.alloc(0)
  readonly remote: string
  isCutShort = false
  readonly #stream: Stream
  readonly #machine: ZmtpMachine
  readonly #host: LinkHost
  readonly #clock: Clock
  readonly #alarm: Alarm
  /** Called once, when nothing of the connection is left. */
  readonly #onClosed: (opened: boolean) => void
  readonly #queue = new SendQueue()
  /** What waits for the end of a message that goes out while it comes in. */
  #heldControl: Buffer[] = []
  /** The message that is coming in, if it goes out meanwhile on another connection. */
  #incoming: Arrival | undefined
  #minor: 0 | 1 = 1
  #writing = false
  /** Writes that the system has taken whole, and whose callbacks are still to come. */
  #callbacksDue = 0
  #paused = false
  /** What was read when a pause came, not carried out yet. */
  #held: ZmtpEffect[] = []
  #touched = false
  #opened = false
  #closed = false
  #streamClosed = false
  #ending = false
  #error: string | undefined
  #cancelLastReads: (() => void) | undefined

  constructor(
    stream: Stream,
    options: ZmtpOptions,
    host: LinkHost,
    onClosed: (opened: boolean) => void,
    clock: Clock = systemClock,
  ) {
    this.#stream = stream
    this.#host = host
    this.#onClosed = onClosed
    this.#clock = clock
    this.#machine = new ZmtpMachine(options)
    this.remote = `${stream.remoteAddress ?? 'unknown'}:${stream.remotePort ?? 0}`
    this.#alarm = new Alarm(clock, () => this.#wake())
    stream.on('data', (bytes: Buffer) => this.read(bytes))
    stream.on('error', error => {
      this.#error = error.message
    })
    // A ZMTP peer that ended its side has nothing to say and reads nothing any more.
    stream.on('end', () => this.#handle({ type: 'ended' }))
    stream.on('close', () => {
      this.#streamClosed = true
      this.#cancelLastReads?.()
      if (this.#closed) this.#onClosed(this.#opened)
      else this.#handle({ type: 'ended' })
    })
    this.#handle({ type: 'connected' })
  }

  /** Where the next read may go straight to, if anywhere. */
  get hole(): Buffer | undefined {
    return this.#closed ? undefined : this.#machine.hole
  }

  read(bytes: Buffer): void {
    this.#handle({ type: 'bytes', bytes })
    this.#incoming?.grew(bytes.length)
  }

  /** So many bytes were read into the hole. */
  filled(count: number): void {
    this.#handle({ type: 'filled', count })
  }

  /** Whether the handshake is done. */
  get isOpen(): boolean {
    return this.#opened
  }

  get waitingBytes(): number {
    return this.#queue.waitingBytes
  }

  get messagesTaken(): number {
    return this.#queue.messagesTaken
  }

  get messagesHanded(): number {
    return this.#queue.messagesHanded
  }

  send(message: Message): void {
    this.#queue.push(message)
    if (this.#queue.queuedBytes >= EARLY_FLUSH_BYTES) this.#flushEarly()
    if (this.#touched || this.#writing) return
    this.#touched = true
    // One write a turn for everything that is sent in it, whoever sends it.
    if (touched.push(this) === 1) process.nextTick(flushTouched)
  }

  passOn(head: Message, arrival: Arrival): void {
    const isIdle = !this.#writing && this.#queue.isEmpty
    if (!isIdle || this.#closed || this.#ending) return
    arrival.begin(this, head)
    this.#queue.begin(head, arrival)
    this.flush()
  }

  /** Of a message that goes out on this connection, the rest will not come. */
  cutShort(cause: string): void {
    if (this.#closed) return
    this.isCutShort = true
    this.#finish(cause)
  }

  sendTopic(subscribe: boolean, topic: Buffer): void {
    if (!this.#closed) this.#stream.write(subscriptionFrame(subscribe, topic, this.#minor))
  }

  /** Writes what is queued, unless a write is under way: then its end does. */
  flush(): void {
    this.#touched = false
    if (this.#writing || this.#closed) return
    const pieces = this.#queue.next()
    if (pieces.length === 0) {
      this.#endIfAsked()
      return
    }
    this.#writing = true
    this.#write(pieces)
    if (this.#heldControl.length > 0 && !this.#queue.isInMessage)
      for (const bytes of this.#heldControl.splice(0)) this.#writeControl(bytes)
  }

  #write(pieces: readonly Buffer[]): void {
    if (pieces.length === 1) {
      this.#stream.write(pieces[0]!, this.#onWritten)
      return
    }
    this.#stream.cork()
    for (let i = 0; i < pieces.length - 1; i++) this.#stream.write(pieces[i]!)
    this.#stream.write(pieces[pieces.length - 1]!, this.#onWritten)
    this.#stream.uncork()
  }

  pause(): void {
    this.#paused = true
    // Whoever is not through the handshake has nothing to deliver yet, and should not time out for our sake.
    if (this.#opened && !this.#ending) this.#stream.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#performAll(this.#held.splice(0))
    if (this.#paused || this.#closed) return
    this.#handle({ type: 'resumed' })
    this.#stream.resume()
  }

  /** Ends the connection once everything queued is written. */
  end(): void {
    if (this.#ending || this.#closed) return
    this.#ending = true
    if (!this.#opened) {
      this.#stream.destroy()
      return
    }
    this.#held = []
    this.#incoming?.lost()
    this.#incoming = undefined
    this.#host.leaving(this)
    if (this.#queue.isDoubtful) this.cutShort('closed by us')
    else this.flush()
  }

  close(cause: string): void {
    if (this.#closed) this.#stream.destroy()
    this.#finish(cause)
  }

  readonly #onWritten = (error?: Error | null): void => {
    // After an error the connection is about to close: what is queued must stay for whoever asks for it then.
    if (error !== undefined && error !== null) return
    if (this.#callbacksDue > 0) {
      this.#callbacksDue -= 1
      return
    }
    this.#endBatch()
    this.flush()
    this.#host.handed(this)
  }

  #endBatch(): void {
    this.#writing = false
    this.#queue.handed()
  }

  #flushEarly(): void {
    // A stream with nothing left has given all of the batch to the system, though its callback waits for the turn's end.
    if (this.#writing && this.#stream.writableLength === 0) {
      this.#endBatch()
      this.#callbacksDue += 1
    }
    if (!this.#writing) this.flush()
  }

  #endIfAsked(): void {
    if (!this.#ending) return
    this.#stream.end()
    this.#stream.resume()
  }

  #handle(event: ZmtpEvent): void {
    if (this.#closed) return
    const effects = this.#machine.handle(event, this.#clock.nowMs())
    this.#alarm.set(this.#machine.wakeAtMs)
    this.#performAll(effects)
  }

  #wake(): void {
    // While we do not read, the peer's silence is our own doing.
    if (this.#paused) this.#handle({ type: 'resumed' })
    this.#handle({ type: 'tick' })
  }

  /** Carries out effects in order. A pause in the middle keeps the rest for `resume`. */
  #performAll(effects: readonly ZmtpEffect[]): void {
    let delivered = false
    for (let i = 0; i < effects.length && !this.#closed; i++) {
      const effect = effects[i]!
      if (this.#mustWait(effect)) {
        this.#held.push(effect)
        continue
      }
      delivered ||= effect.type === 'deliver'
      this.#perform(effect)
    }
    if (delivered) this.#host.batchEnded()
  }

  #mustWait(effect: ZmtpEffect): boolean {
    if (!this.#paused || effect.type === 'write' || effect.type === 'arriving') return false
    return effect.type === 'deliver' || this.#held.length > 0
  }

  #perform(effect: ZmtpEffect): void {
    switch (effect.type) {
      case 'deliver':
        if (!this.#ending) this.#deliver(effect.message)
        return
      case 'arriving':
        if (!this.#paused && !this.#ending) this.#announce(effect)
        return
      case 'write':
        this.#writeControl(effect.bytes)
        return
      case 'opened':
        this.identity = effect.identity
        this.#minor = effect.minor
        this.#opened = true
        this.#host.opened(this)
        if (this.#paused) this.#stream.pause()
        return
      case 'subscribe':
      case 'cancel':
        this.#host.topicChanged(this, effect.type === 'subscribe', effect.topic)
        return
      case 'close':
        this.#finish(this.#error ?? effect.cause)
    }
  }

  #deliver(message: Frame[]): void {
    const arrival = this.#incoming
    if (arrival === undefined) {
      this.#host.received(this, message)
      return
    }
    this.#incoming = undefined
    this.#host.received(this, message)
    arrival.delivered()
  }

  #announce({ head, size, pieces }: Extract<ZmtpEffect, { type: 'arriving' }>): void {
    const arrival = new Arrival(size, pieces, this.#clock)
    this.#host.arriving(this, head, arrival)
    if (arrival.isPassedOn) this.#incoming = arrival
  }

  /** Between batches, so always between messages, but for one that goes out while it comes in. */
  #writeControl(bytes: Buffer): void {
    if (this.#ending) return
    if (this.#queue.isInMessage) {
      if (this.#heldControl.push(bytes) > HELD_CONTROL_MAX) this.#finish('does not wait for our answers')
      return
    }
    this.#stream.write(bytes)
    if (this.#stream.writableLength - this.#queue.batchBytes > CONTROL_BYTES_MAX)
      this.#finish('does not read our answers')
  }

  #finish(cause: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#alarm.close()
    const { unsent } = this.#queue
    this.#queue.clear()
    this.#incoming?.lost()
    this.#incoming = undefined
    if (this.isCutShort) this.#endSoftly()
    else this.#stream.destroy()
    if (this.#opened) this.#host.closed(this, cause, unsent)
    if (this.#streamClosed) this.#onClosed(this.#opened)
  }

  /** The peer is to have what was sent to it before: a stream that is destroyed with something unread takes it back. */
  #endSoftly(): void {
    this.#stream.end()
    this.#stream.resume()
    this.#cancelLastReads = this.#clock.after(LAST_READS_MS, () => this.#stream.destroy())
  }
}

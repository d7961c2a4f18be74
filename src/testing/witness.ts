/**
 * Watches a simulated cluster from outside and knows what must be: which message may follow which, whatever the machines
 * say of themselves. Whatever it sees that must not be, it says at once, with the story of the task. Here is who may have
 * which task, and what clients may be told; errors of the scheduler are `answer-witness.ts`, deaths `heart-witness.ts`.
 */

import type { RequestRecord } from '../client/request-record.ts'
import { DisconnectedError, EngineError, RemoteError, TaskAborted, UsageError } from '../errors.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { AnswerWitness, DEATHS_MAX } from './answer-witness.ts'
import { isFollowed, isMet } from './dependency-truth.ts'
import type { EngineView } from './engine-view.ts'
import type { Answer, Fate } from './fate.ts'
import { HeartWitness, type HeartWitnessOptions } from './heart-witness.ts'
import { valueFor } from './program.ts'
import type { Channel, Names, Sighting } from './sighting.ts'
import type { Wish } from './wish.ts'

/** So long after a controller was started, everybody may not be there again. */
const BLUR_MS = 2000
/** How late something may be that has a deadline: messages are under way meanwhile. */
const SLACK_MS = 1000

/** Where a client sends requests. */
const CHANNEL_OF: Readonly<Record<Wish['route'], Channel>> = {
  balanced: 'task',
  direct: 'mux',
  broadcast: 'broadcast',
}

/** What a client is told at the end of a request. */
export interface End {
  readonly error?: Error | undefined
  readonly value?: unknown
  readonly outputs?: number
}

export function endOf(record: RequestRecord): End {
  const { error } = record
  return error === undefined ? { value: record.take(), outputs: record.outputs?.length ?? 0 } : { error }
}

export interface WitnessOptions extends HeartWitnessOptions {
  readonly names: Names
  /** Says what must not be. */
  readonly fail: (what: string, fate?: Fate) => void
}

export class Witness {
  readonly fates = new Map<string, Fate>()
  readonly engines = new Map<string, EngineView>()
  /** Somebody had the hub forget what has ended. */
  isPurged = false
  /** By number, the engine that the hub gave it to. */
  readonly #numbers = new Map<unknown, string>()
  readonly #hearts: HeartWitness
  readonly #answers: AnswerWitness
  /** What was asked for until then may have been asked of one that is dead. */
  #blurredUntilMs = Number.NEGATIVE_INFINITY
  readonly #options: WitnessOptions

  constructor(options: WitnessOptions) {
    this.#options = options
    this.#hearts = new HeartWitness(options)
    this.#answers = new AnswerWitness({ ...options, fates: this.fates })
  }

  /** The fate that a message is about; broadcasts add the target to the id. */
  fateOf(msgId: unknown): Fate | undefined {
    return typeof msgId === 'string' ? this.fates.get(msgId) : undefined
  }

  /** The controller died, or was started: what it has in hand, and who is registered, must show again. */
  restarted(): void {
    const nowMs = this.#options.nowMs()
    this.#hearts.restarted()
    this.#blurredUntilMs = nowMs + BLUR_MS
    this.isPurged = true
    this.#numbers.clear()
    for (const engine of this.engines.values()) {
      engine.wasCut = true
      engine.lastPingMs = nowMs
      engine.held.clear()
      // The next one may send the same bytes.
      engine.begun.clear()
      engine.givenBack.clear()
    }
  }

  /** Neither what became of it in a controller that is dead can be known, nor of what it waits for. */
  isBlurred({ submittedMs, wish: { after, follow } }: Fate): boolean {
    if (submittedMs <= this.#blurredUntilMs) return true
    const ids = [...(after?.ids ?? []), ...(follow?.ids ?? [])]
    return this.#blurredUntilMs > 0 && ids.some(id => this.isBlurred(this.fates.get(id)!))
  }

  // --- what the controller sends ---

  sent(sighting: Sighting): void {
    const { channel, byController, envelope, peer } = sighting
    if (!byController) {
      const engine = this.#engineCalled(peer)
      for (const signature of givenBackIn(sighting)) {
        if (engine?.begun.has(signature) === true) this.#options.fail(`${peer} gave back what it has begun`)
        engine?.givenBack.add(signature)
      }
      return
    }
    switch (channel) {
      case 'engineTask':
        this.#dispatched(envelope, peer)
        return
      case 'task':
        this.#answered(envelope)
        return
      case 'registration':
        this.#registrationAnswered(envelope, peer)
        return
      case 'notification':
        this.#notified(envelope)
    }
  }

  #dispatched(envelope: Envelope, peer: string): void {
    const fate = this.fateOf(envelope.header.msg_id)
    const engine = this.#engineCalled(peer)
    if (fate === undefined || engine === undefined || this.isBlurred(fate)) return
    const { fail } = this.#options
    const { after, follow, targets, own } = fate.wish
    fate.dispatches += 1
    if (fate.answer !== undefined) fail('a task was given to an engine after its answer', fate)
    if (engine.isDismissed) fail(`a task was given to ${peer}, which the hub has dismissed`, fate)
    // What a client that is gone, or away, would have been answered, nobody sees.
    const { isSeen } = fate
    if (isSeen && after !== undefined && !isMet(after, this.fates))
      fail('a task was started before what it comes after', fate)
    if (isSeen && follow !== undefined && !isFollowed(follow, engine.uuid, this.fates))
      fail(`a task was given to ${peer}, where what it follows did not run`, fate)
    if (targets !== undefined && !targets.includes(engine.uuid))
      fail(`a task was given to ${peer}, which is none of its targets`, fate)
    const { language = engine.language } = fate.wish
    if (language !== engine.language)
      fail(`a task was given to ${peer}, which does not run its language`, fate)
    if (fate.refusedBy.has(engine.uuid)) fail(`a task was given again to ${peer}, which refused it`, fate)
    if (own && fate.deaths >= DEATHS_MAX && !fate.isHidden)
      fail('a task was tried again after its third death', fate)
    this.#heldOnce(fate, engine)
    if (fate.wish.timeoutMs !== Number.POSITIVE_INFINITY && fate.dispatches === 1) {
      const waitedMs = this.#options.nowMs() - fate.submittedMs
      if (waitedMs > fate.wish.timeoutMs + SLACK_MS && after === undefined && follow === undefined)
        fail(`a task that may wait ${fate.wish.timeoutMs} ms was started after ${waitedMs} ms`, fate)
    }
    fate.holder = engine.uuid
    fate.sentAs = envelope.signature.toString('latin1')
    engine.held.add(fate)
  }

  #heldOnce(fate: Fate, engine: EngineView): void {
    const { fail } = this.#options
    const holder = fate.holder === undefined ? undefined : this.engines.get(fate.holder)
    if (holder !== undefined && !holder.isDismissed && !holder.wasCut)
      fail(`a task was given to ${engine.name} while ${holder.name} had it`, fate)
    if (engine.wasCut) return
    for (const other of engine.held) {
      if (other === fate || !(other.suspect || fate.suspect)) continue
      fail(`${fate.name} and ${other.name} are at ${engine.name} together, of which one may kill it`, fate)
    }
  }

  #answered(envelope: Envelope): void {
    const fate = this.fateOf(envelope.parentHeader.msg_id)
    if (fate === undefined || this.isBlurred(fate)) return
    const { fail } = this.#options
    const { content, header, metadata } = envelope
    if (fate.answer !== undefined) fail('a task was answered twice', fate)
    const isOk = content.status === 'ok'
    // A stock task's death is answered in the engine's name.
    const engine = this.engines.get(String(header.session)) ?? this.engines.get(String(metadata.engine))
    fate.answer = {
      ok: isOk,
      aborted: content.status === 'aborted',
      ename: isOk ? undefined : String(content.ename),
      engine: engine?.uuid,
    } satisfies Answer
    if (isOk && engine === undefined) fail('the scheduler itself answered ok', fate)
    if (isOk && fate.wish.own && !fate.lastReplyCounts)
      fail(`the late reply of ${engine?.name} was passed on`, fate)
    if (metadata.dependencies_met === false) fail('a refusal was passed on as an answer', fate)
    this.#answers.check(fate, content)
  }

  #registrationAnswered({ header, content }: Envelope, peer: string): void {
    if (header.msg_type !== 'registration_reply' || content.status !== 'ok') return
    // Who comes back may have its own number again.
    const owner = this.#numbers.get(content.id) ?? peer
    if (owner !== peer) this.#options.fail(`the engine number ${String(content.id)} was given twice`)
    this.#numbers.set(content.id, peer)
    const engine = this.#engineCalled(peer)
    if (engine !== undefined) engine.isDismissed = false
  }

  #notified({ header, content }: Envelope): void {
    const engine = this.engines.get(String(content.uuid))
    if (engine === undefined) return
    if (header.msg_type !== 'unregistration_notification' || engine.isDismissed) return
    const { reason } = (content.cause ?? {}) as { readonly reason?: unknown }
    this.#hearts.checkDeath(engine, reason)
    engine.isDismissed = true
    engine.wasDismissed = true
    const isOrderly = reason === 'it was shut down'
    for (const fate of engine.held) {
      if (fate.holder !== engine.uuid) continue
      fate.holder = undefined
      if (engine.wasCut) fate.isHidden = true
      if (!isOrderly) fate.deaths += 1
    }
    engine.held.clear()
  }

  // --- what reaches the controller ---

  delivered(sighting: Sighting): void {
    const { channel, byController, envelope, peer } = sighting
    const engine = this.#engineCalled(peer)
    if (byController || engine === undefined) return
    const given = givenBackIn(sighting)
    if (given.length > 0) this.#givenBack(engine, given)
    else if (channel === 'engineTask') this.#replied(engine, envelope)
  }

  #givenBack(engine: EngineView, signatures: readonly string[]): void {
    for (const fate of [...engine.held]) {
      if (fate.holder !== engine.uuid || !signatures.includes(fate.sentAs!)) continue
      fate.holder = undefined
      engine.held.delete(fate)
    }
  }

  #replied(engine: EngineView, envelope: Envelope): void {
    const fate = this.fateOf(envelope.parentHeader.msg_id)
    if (fate === undefined || fate.answer !== undefined) return
    fate.lastReplyCounts = fate.holder === engine.uuid && !engine.isDismissed
    engine.held.delete(fate)
    if (!fate.lastReplyCounts) return
    fate.holder = undefined
    const { metadata, content } = envelope
    if (metadata.dependencies_met === false) fate.refusedBy.add(engine.uuid)
    else if (content.status === 'error') {
      fate.failures += 1
      if (engine.wasCut) fate.doubtfulFailures += 1
    }
  }

  pinged(ping: string): void {
    this.#hearts.pinged(ping)
  }

  ponged(peer: string, ping: string): void {
    const engine = this.#engineCalled(peer)
    if (engine !== undefined) this.#hearts.ponged(engine, ping)
  }

  #engineCalled(peer: string): EngineView | undefined {
    for (const engine of this.engines.values()) if (engine.name === peer) return engine
    return undefined
  }

  /** The connection of an engine broke: it may have anything in hand, or nothing. */
  cut(engine: EngineView): void {
    engine.wasCut = true
  }

  // --- what engines and clients do ---

  /** An engine has begun a request. */
  begun(uuid: string, { header, signature }: Envelope): void {
    const { fail } = this.#options
    const fate = this.fateOf(header.msg_id)
    const view = this.engines.get(uuid)
    if (fate === undefined || view === undefined) return
    const sentAs = signature.toString('latin1')
    view.begun.add(sentAs)
    if (view.givenBack.has(sentAs)) fail(`${view.name} began what it had given back`, fate)
    if (fate.target !== undefined && view.remembers && fate.runs.length > 0)
      fail(`${fate.name} was begun again`, fate)
    fate.runs.push({ engine: uuid, startedMs: this.#options.nowMs(), how: 'running' })
    if (fate.target === undefined) return
    if (fate.target !== uuid) fail(`${fate.name} was begun on ${view.name}`, fate)
    // Each route has a socket of its own.
    const way = `${fate.wish.route} ${fate.client.number}`
    if (fate.order <= (view.lastBegun.get(way) ?? 0))
      fail(`${fate.name} began after what was asked for later`, fate)
    view.lastBegun.set(way, fate.order)
  }

  settled(fate: Fate, { error, value, outputs = 0 }: End): void {
    const { fail } = this.#options
    fate.settledCount += 1
    if (fate.settledCount > 1) fail('a request settled twice', fate)
    const { target } = fate
    if (error !== undefined) {
      this.#checkFailure(fate, error)
      return
    }
    const { name } = fate.wish.program
    const ran = fate.runs.find(({ how, engine }) => how === 'done' && valueFor(name, engine) === value)
    if (ran === undefined) fail(`a request was given "${String(value)}" as its value`, fate)
    else if ((target ?? this.#answererOf(fate) ?? ran.engine) !== ran.engine)
      fail('a request was given the value of another engine than answered it', fate)
    if (outputs > fate.wish.program.prints * fate.runs.length) fail(`${outputs} outputs came`, fate)
  }

  #answererOf(fate: Fate): string | undefined {
    return this.isBlurred(fate) ? undefined : fate.answer?.engine
  }

  /** What is told of a request must have happened to it. What the balanced scheduler says is seen when it says so. */
  #checkFailure(fate: Fate, error: Error): void {
    const { fail } = this.#options
    const { wish, client, target } = fate
    if (this.isBlurred(fate)) return
    if (error instanceof DisconnectedError) {
      const channel = wish.isAgain ? 'registration' : CHANNEL_OF[wish.route]
      const isBroken = client.cuts.has(channel) || client.dispatcher.goneError !== undefined
      if (!isBroken) fail('a connection was said to be broken that is not', fate)
      return
    }
    if (error instanceof UsageError && wish.isAgain && this.isPurged) return
    if (target === undefined) {
      if (error instanceof UsageError) fail('the hub has no record of what it was told', fate)
      return
    }
    const engine = this.engines.get(target)!
    if (error instanceof RemoteError) {
      if (!fate.runs.some(({ how }) => how === 'thrown')) fail('a request failed that did not throw', fate)
    } else if (error instanceof TaskAborted) {
      if (!fate.abortAsked) fail('a request was aborted that nobody wanted to end', fate)
    } else if (!(error instanceof EngineError)) fail(`a request failed with ${error.name}`, fate)
    else if (!(engine.isGone || engine.wasCut || engine.wasDismissed))
      fail(`${engine.name} was said to be gone, and lives`, fate)
  }
}

/** The tasks that an engine's answer to a recall gives back, by their signatures. */
function givenBackIn({ channel, envelope }: Sighting): readonly string[] {
  const { given_back: given } = channel === 'engineControl' ? envelope.content : {}
  return Array.isArray(given) ? given.map(String) : []
}

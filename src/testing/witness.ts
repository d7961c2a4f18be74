/**
 * Watches a simulated cluster from outside and knows what must be: which message may follow which, whatever the machines
 * say of themselves. Whatever it sees that must not be, it says at once, with the story of the task.
 */

import type { RequestRecord } from '../client/request-record.ts'
import type { Dependency } from '../controller/state/dependency.ts'
import { DisconnectedError, EngineError, RemoteError, TaskAborted, UsageError } from '../errors.ts'
import type { Envelope } from '../protocol/envelope.ts'
import type { Answer, Fate } from './fate.ts'
import { valueFor } from './program.ts'
import type { Channel, Names, Sighting } from './sighting.ts'
import type { Wish } from './wish.ts'

/** Deaths after which a task of ours is taken for their cause. */
const DEATHS_MAX = 3
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

/** An engine as the witness knows it. */
export interface EngineView {
  readonly name: string
  readonly uuid: string
  readonly language: string
  /** It was killed, ended, or was asked to end. */
  isGone: boolean
  /** A connection of it was broken at some time. */
  wasCut: boolean
  /** It does not run again what comes again. */
  readonly remembers: boolean
  /** When the last ping was sent whose echo reached the controller. */
  lastPingMs: number
  /** The hub has told everybody that it left. */
  isDismissed: boolean
  /** It had, at some time. */
  wasDismissed: boolean
  /** What it has in hand, as the balanced scheduler sees it. */
  readonly held: Set<Fate>
  /** Tasks that it has begun, and those that it gave back, by the signatures under which it had them. */
  readonly begun: Set<string>
  readonly givenBack: Set<string>
  /** Per client and route, the number of the last request that was for it and began. */
  readonly lastBegun: Map<string, number>
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

export interface WitnessOptions {
  readonly names: Names
  readonly nowMs: () => number
  /** Whether the controller sees all connections of an engine whose loss it counts as death. */
  readonly isConnected: (uuid: string) => boolean
  /** Says what must not be. */
  readonly fail: (what: string, fate?: Fate) => void
  readonly heartbeatMs: number
  readonly heartMissesMax: number
}

export class Witness {
  readonly fates = new Map<string, Fate>()
  readonly engines = new Map<string, EngineView>()
  /** Somebody had the hub forget what has ended. */
  isPurged = false
  /** By number, the engine that the hub gave it to. */
  readonly #numbers = new Map<unknown, string>()
  /** When each ping was sent. */
  readonly #pings = new Map<string, number>()
  /** When the controller was started, from which it counts its beats. */
  #startedMs = 0
  /** What was asked for until then may have been asked of one that is dead. */
  #blurredUntilMs = Number.NEGATIVE_INFINITY
  readonly #options: WitnessOptions

  constructor(options: WitnessOptions) {
    this.#options = options
  }

  /** The fate that a message is about; broadcasts add the target to the id. */
  fateOf(msgId: unknown): Fate | undefined {
    return typeof msgId === 'string' ? this.fates.get(msgId) : undefined
  }

  /** The controller died, or was started: what it has in hand, and who is registered, must show again. */
  restarted(): void {
    const nowMs = this.#options.nowMs()
    this.#startedMs = nowMs
    this.#blurredUntilMs = nowMs + BLUR_MS
    this.isPurged = true
    this.#numbers.clear()
    this.#pings.clear()
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
    if (isSeen && after !== undefined && !this.#isMet(after))
      fail('a task was started before what it comes after', fate)
    if (isSeen && follow !== undefined && !this.#follows(follow, engine.uuid))
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
    this.#checkError(fate, content)
  }

  #checkError(fate: Fate, content: Envelope['content']): void {
    const { answer, wish } = fate
    const { fail, nowMs } = this.#options
    if (answer === undefined || answer.ok || answer.aborted) return
    const { after, follow, targets, program } = wish
    const isPlain = targets === undefined && follow === undefined && program.end.type !== 'refuse'
    switch (answer.ename) {
      case 'Error':
        if (program.end.type !== 'throw') fail('a task failed that does not throw', fate)
        // With nowhere else to go it gives the error it had.
        // A stock task's retries count deaths, too. One that shall be aborted is not run again.
        if (isPlain && wish.own && !fate.abortAsked && !this.#hasFailedOften(fate))
          fail(`a task with ${wish.retries} retries was given up after ${fate.failures} failures`, fate)
        return
      case 'EngineError':
        this.#checkEngineError(fate, content)
        return
      case 'TaskTimeout': {
        const waitedMs = nowMs() - fate.submittedMs
        if (!(waitedMs >= wish.timeoutMs)) fail(`a task timed out after ${waitedMs} ms`, fate)
        return
      }
      case 'ImpossibleDependency': {
        const isHopeless =
          !fate.isSeen ||
          (after !== undefined && this.#isUnreachable(after)) ||
          follow !== undefined ||
          !isPlain
        if (!isHopeless) fail('a task was called impossible that is not', fate)
        return
      }
      case 'TaskAborted':
        if (!fate.abortAsked) fail('a task was aborted that nobody wanted to end', fate)
        return
      case 'InvalidDependency':
        fail('a dependency was refused that makes sense', fate)
        return
      default:
        fail(`a task failed with ${answer.ename}`, fate)
    }
  }

  /** It has used up its retries, and no more. */
  #hasFailedOften({ wish, failures, doubtfulFailures }: Fate): boolean {
    const attempts = wish.retries + 1
    return failures >= attempts && failures - doubtfulFailures <= attempts
  }

  #checkEngineError(fate: Fate, content: Envelope['content']): void {
    const { fail } = this.#options
    const { own, targets, follow } = fate.wish
    if (!own) {
      if (fate.deaths === 0 && !fate.isHidden) fail('EngineError, though no engine died with it', fate)
      return
    }
    const deaths = content.deaths as readonly unknown[] | undefined
    if (deaths === undefined || deaths.length === 0) fail('an EngineError names no engine', fate)
    if (String(content.evalue).startsWith('no target')) {
      if (targets === undefined && follow === undefined)
        fail('a task without targets has no target left', fate)
      return
    }
    const isSeen = fate.deaths === DEATHS_MAX || fate.isHidden
    if (!isSeen || deaths?.length !== DEATHS_MAX)
      fail(`a task was given up after ${fate.deaths} deaths`, fate)
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
    this.#checkDeath(engine, reason)
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

  #checkDeath(engine: EngineView, reason: unknown): void {
    if (engine.isGone) return
    const { fail, nowMs, heartMissesMax, heartbeatMs, isConnected } = this.#options
    if (reason === 'connection lost' && isConnected(engine.uuid))
      fail(`${engine.name} is connected, and its connection was said to be lost`)
    if (engine.wasCut) return
    // Beats come at whole periods. An extra ping between them may have been the last.
    const wasBeat = (engine.lastPingMs - this.#startedMs) % heartbeatMs === 0
    const patienceMs = (heartMissesMax + (wasBeat ? 2 : 1)) * heartbeatMs
    const silentMs = nowMs() - engine.lastPingMs
    if (silentMs < patienceMs)
      fail(`${engine.name} lives, echoed a ping sent ${silentMs} ms ago, and was declared dead`)
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
    if (!this.#pings.has(ping)) this.#pings.set(ping, this.#options.nowMs())
  }

  ponged(peer: string, ping: string): void {
    const engine = this.#engineCalled(peer)
    const sentMs = this.#pings.get(ping)
    if (engine !== undefined && sentMs !== undefined) engine.lastPingMs = Math.max(engine.lastPingMs, sentMs)
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

  #isMet({ ids, all, success, failure }: Dependency): boolean {
    const isWanted = (id: string): boolean => {
      const answer = this.fates.get(id)?.answer
      return answer !== undefined && (answer.ok ? success : failure)
    }
    return all ? ids.every(isWanted) : ids.some(isWanted)
  }

  #isUnreachable({ ids, all, success, failure }: Dependency): boolean {
    const isAgainst = (id: string): boolean => {
      const answer = this.fates.get(id)?.answer
      return answer !== undefined && !(answer.ok ? success : failure)
    }
    return all ? ids.some(isAgainst) : ids.every(isAgainst)
  }

  #follows(follow: Dependency, engine: string): boolean {
    const there = follow.ids.filter(id => {
      const answer = this.fates.get(id)?.answer
      if (answer === undefined || answer.engine !== engine) return false
      return answer.ok ? follow.success : follow.failure
    })
    return follow.all ? there.length === follow.ids.length : there.length > 0
  }
}

/** The tasks that an engine's answer to a recall gives back, by their signatures. */
function givenBackIn({ channel, envelope }: Sighting): readonly string[] {
  const { given_back: given } = channel === 'engineControl' ? envelope.content : {}
  return Array.isArray(given) ? given.map(String) : []
}

import type { Envelope } from '../protocol/envelope.ts'
import type { Message } from '../transport/socket.ts'
import type { Fate } from './fate.ts'
import { type Channel, describeSighting, envelopeOf, type Names, type Sighting } from './sighting.ts'
import type { SimulatedLink } from './simulated-link.ts'
import type { Witness } from './witness.ts'

export interface WiretapOptions {
  readonly witness: Witness
  readonly names: Names
  /** A line is noted for each message. */
  readonly isTraced: boolean
  readonly note: (line: string) => void
  readonly fail: (what: string, fate?: Fate) => void
}

/** An engine that has lost one of these for long is taken for dead. */
export const VITAL_CHANNELS = ['engineTask', 'engineMux', 'engineBroadcast'] as const

/** What the witness looks at as soon as it is sent. */
const WATCHED: ReadonlySet<Channel> = new Set<Channel>([
  'engineTask',
  'engineControl',
  'task',
  'registration',
  'notification',
])

/** Hears what goes over the network of a simulated cluster, and tells the witness and the journal. */
export class Wiretap {
  /** By port, the part of the controller that listens there. */
  readonly channels = new Map<number, Channel>()
  /** Told of what is sent, as far as the witness looks at it. */
  onSent: (sighting: Sighting) => void = () => {}
  readonly #options: WiretapOptions
  /** By engine, the signatures of what it got. */
  readonly #seenBytes = new Map<string, Set<string>>()
  #lastPublished: Message | undefined

  constructor(options: WiretapOptions) {
    this.#options = options
  }

  /** Engines begin anew with a controller that is new. */
  forgetBytes(): void {
    this.#seenBytes.clear()
  }

  channelOf(link: SimulatedLink): Channel {
    return this.channels.get(link.port)!
  }

  /** @param link - the sender's end. */
  #sighting(link: SimulatedLink, message: Message): Sighting | undefined {
    const channel = this.channels.get(link.port)
    if (channel === undefined || channel === 'hbPing' || channel === 'hbPong') return undefined
    const envelope = envelopeOf(message)
    if (envelope === undefined) return undefined
    const byController = !link.isCaller
    const peer = (byController ? link.other : link).process.name
    return { channel, peer, byController, envelope }
  }

  sent(link: SimulatedLink, message: Message): void {
    const channel = this.channels.get(link.port)
    if (channel === 'hbPing') this.#options.witness.pinged(message[0]!.toString())
    if (!this.#options.isTraced && !WATCHED.has(channel!)) return
    const sighting = this.#sighting(link, message)
    if (sighting === undefined) return
    if (sighting.envelope.header.msg_type === 'resubmit_reply') this.#renamed(sighting.envelope)
    // What is told to a controller that is dead, nobody hears.
    if (sighting.byController || link.other.process.isAlive) this.#options.witness.sent(sighting)
    this.onSent(sighting)
    if (!this.#options.isTraced) return
    // What is published goes to everybody, and is told once.
    if (message === this.#lastPublished) return
    if (channel === 'notification' || channel === 'iopub') this.#lastPublished = message
    this.#options.note(describeSighting(sighting, this.#options.names))
  }

  delivered(link: SimulatedLink, message: Message, again: boolean): void {
    const channel = this.channels.get(link.port)
    if (channel === 'hbPong') this.#options.witness.ponged(link.other.process.name, message[0]!.toString())
    const isVital = VITAL_CHANNELS.some(vital => vital === channel)
    if (again || !(isVital || channel === 'engineControl')) return
    const sighting = this.#sighting(link.other, message)
    if (sighting?.byController === false) this.#options.witness.delivered(sighting)
    // What a dead controller has sent may come again from the one that took its place.
    else if (sighting !== undefined && isVital && link.other.process.isAlive) this.#seen(sighting)
  }

  /** No engine may get the same bytes twice, other than by the network's own doing. */
  #seen({ envelope, peer }: Sighting): void {
    const seen = this.#seenBytes.get(peer) ?? new Set()
    this.#seenBytes.set(peer, seen)
    const key = envelope.signature.toString('latin1')
    if (seen.has(key))
      this.#options.fail(
        `${peer} got the same bytes twice`,
        this.#options.witness.fateOf(envelope.header.msg_id),
      )
    seen.add(key)
  }

  lost(link: SimulatedLink, message: Message): void {
    const sighting = this.#sighting(link, message)
    if (sighting === undefined) return
    if (this.#options.isTraced) this.#options.note(`lost: ${describeSighting(sighting, this.#options.names)}`)
    const { channel, envelope } = sighting
    const fate =
      this.#options.witness.fateOf(envelope.header.msg_id) ??
      this.#options.witness.fateOf(envelope.parentHeader.msg_id)
    // Clients send again, or know that they cannot, and so do the balanced scheduler and, to engines that remember, the direct one; of others it tells
    // our clients. What a stock client asked of those is gone.
    const target = fate?.target === undefined ? undefined : this.#options.witness.engines.get(fate.target)
    const isResent =
      channel === 'engineTask' || channel === 'task' || channel === 'mux' || channel === 'broadcast'
    const isMadeGood = isResent || fate?.wish.own === true || target?.remembers === true
    if (fate !== undefined && channel !== 'engineIopub' && channel !== 'iopub' && !isMadeGood)
      fate.isLost = true
  }

  /** The hub tells under which name it submits something again. */
  #renamed({ content }: Envelope): void {
    const { names, witness } = this.#options
    for (const [msgId, newId] of Object.entries(content.resubmitted ?? {})) {
      const fate = witness.fateOf(msgId)?.again
      if (fate === undefined) continue
      names.set(newId, fate.name)
      witness.fates.set(newId, fate)
    }
  }
}

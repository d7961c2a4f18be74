import { Envelope } from '../protocol/envelope.ts'
import type { Message } from '../transport/socket.ts'

/** The parts of a controller, by what connects to them. */
export type Channel =
  | 'registration'
  | 'notification'
  | 'task'
  | 'engineTask'
  | 'mux'
  | 'engineMux'
  | 'control'
  | 'engineControl'
  | 'broadcast'
  | 'engineBroadcast'
  | 'iopub'
  | 'engineIopub'
  | 'hbPing'
  | 'hbPong'

const SPEAKERS: Readonly<Record<Channel, string>> = {
  registration: 'hub',
  notification: 'hub',
  task: 'scheduler',
  engineTask: 'scheduler',
  mux: 'direct',
  engineMux: 'direct',
  control: 'control',
  engineControl: 'control',
  broadcast: 'broadcast',
  engineBroadcast: 'broadcast',
  iopub: 'output',
  engineIopub: 'output',
  hbPing: 'heart',
  hbPong: 'heart',
}

/** A message as somebody who watches the network sees it. */
export interface Sighting {
  readonly channel: Channel
  /** The process at the other end of the controller's. */
  readonly peer: string
  readonly byController: boolean
  readonly envelope: Envelope
}

/** Names that stay the same from run to run, for what has random ones. */
export class Names {
  readonly #names = new Map<string, string>()

  set(id: string, name: string): void {
    this.#names.set(id, name)
  }

  /** The name of a message or an engine; broadcasts add the target to the id. */
  of(id: unknown): string {
    if (typeof id !== 'string') return ''
    const known = this.#names.get(id)
    if (known !== undefined) return known
    const whole = id.slice(0, id.lastIndexOf('_'))
    return this.#names.get(whole) ?? ''
  }

  /** A text in which every id that has a name is replaced by it. */
  within(text: string): string {
    let named = text
    for (const [id, name] of this.#names) named = named.replaceAll(id, name)
    return named
  }
}

/** Reads what can be read of a message; undefined for heartbeats. */
export function envelopeOf(message: Message): Envelope | undefined {
  return Envelope.cut(message)
}

/** `scheduler -> engine 0  apply_request t1`: one line a message, the same in every run. */
export function describeSighting(sighting: Sighting, names: Names): string {
  const { channel, peer, byController, envelope } = sighting
  const speaker = SPEAKERS[channel]
  const everybody = channel === 'notification' || channel === 'iopub'
  const way = byController ? `${speaker} -> ${everybody ? '*' : peer}` : `${peer} -> ${speaker}`
  const { msg_type: type, msg_id: msgId } = envelope.header
  const about = type.endsWith('_request') ? names.of(msgId) : names.of(envelope.parentHeader.msg_id)
  const words = [type, about, ...detailsOf(envelope, names)].filter(word => word !== '')
  return `${way}  ${words.join(' ')}`
}

function detailsOf({ header, content, metadata }: Envelope, names: Names): string[] {
  const { status, ename, evalue, id, cause, msg_ids: msgIds, execution_state: state, text } = content
  const details: string[] = []
  if (typeof id === 'number') details.push(`id=${id}`)
  if (Array.isArray(msgIds)) details.push(msgIds.map(msgId => names.of(msgId)).join(','))
  if (typeof state === 'string') details.push(state)
  if (typeof text === 'string') details.push(JSON.stringify(text))
  if (header.msg_type.endsWith('_reply') && typeof status === 'string') details.push(status)
  if (metadata.dependencies_met === false) details.push('dependency not met')
  if (typeof ename === 'string')
    details.push(names.within(evalue === '' ? ename : `${ename}: ${String(evalue)}`))
  const reason = (cause as { readonly reason?: unknown } | undefined)?.reason
  if (typeof reason === 'string') details.push(`(${reason})`)
  return details
}

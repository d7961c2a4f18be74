/**
 * What a client and engines of ipyparallel 9.1 said, recorded, said again to our controller. Peers of 7.1 are there for the rest of the
 * suite in person; of 9.1 there are these recordings.
 */

import { afterEach, describe, expect, it } from 'vitest'
import { type Controller, startController } from '../../src/controller/controller.ts'
import { Envelope } from '../../src/protocol/envelope.ts'
import { memoryTransport } from '../../src/transport/memory.ts'
import { type SampleMessage, wireSamples } from '../support/wire-samples.ts'
import { RawClient, RawEngine, sameFrames } from '../unit/controller/peers.ts'

const CHANNELS = ['mux', 'control', 'task'] as const
type Channel = (typeof CHANNELS)[number]
/** The engine's goodbye comes when everything else is said. */
const LAST = 'engine-shutdown'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A controller, a client and engines that have the names of the recorded ones. */
class Stage {
  readonly client: RawClient
  readonly #engines: readonly RawEngine[]
  /** Requests that an engine has, by their ids. */
  readonly #requests = new Map<string, { readonly engine: RawEngine; readonly request: Envelope }>()

  private constructor(client: RawClient, engines: readonly RawEngine[]) {
    this.client = client
    this.#engines = engines
  }

  static async set(key: string, uuids: readonly string[]): Promise<Stage> {
    const transport = memoryTransport()
    const controller: Controller = await startController({ transport, key, pingMs: 1000 })
    cleanups.push(() => controller.stop())
    const client = new RawClient(transport, controller)
    cleanups.push(() => client.close())
    await client.engines()
    const engines = uuids.map(uuid => new RawEngine(transport, controller, uuid))
    for (const engine of engines) {
      cleanups.push(() => engine.close())
      await engine.register()
      await client.inbox.notification.type('registration_notification')
    }
    return new Stage(client, engines)
  }

  /** A client's request: an engine gets the same bytes. */
  async request(channel: Channel, frames: Buffer[]): Promise<void> {
    const sent = Envelope.cut(frames)!
    this.client.sockets[channel].send(frames)
    const inboxOf = (engine: RawEngine) => (channel === 'control' ? engine.control : engine.inbox)
    const { msg_id: msgId } = sent.header
    const fits = (message: Envelope): boolean => message.header.msg_id === msgId
    const [engine, request] = await Promise.any(
      this.#engines.map(async one => [one, await inboxOf(one).next(fits)] as const),
    )
    expect(sameFrames(request.body, sent.body)).toBe(true)
    this.#requests.set(msgId, { engine, request })
  }

  /** An engine's reply to a request that it has: the client gets the same bytes. */
  async reply(channel: Channel, frames: Buffer[]): Promise<void> {
    const sent = Envelope.cut(frames)!
    const { engine, request } = this.#requests.get(sent.parentHeader.msg_id!)!
    const socket = channel === 'control' ? engine.controlSocket : engine.shell
    socket.send([...request.prefix, ...sent.body])
    const reply = await this.client.inbox[channel].next()
    expect(sameFrames(reply.body, sent.body)).toBe(true)
  }

  /** What an engine publishes: the client gets the same bytes, topic included. */
  async publish(frames: Buffer[]): Promise<void> {
    this.#engines[0]!.iopub.send(frames)
    const heard = await this.client.inbox.iopub.next()
    expect(sameFrames(heard.frames, frames)).toBe(true)
  }
}

/** Ids of the requests that an engine answered: others were answered by the scheduler, or never. */
function answeredIn(messages: readonly SampleMessage[]): Set<string | undefined> {
  const replies = messages.filter(({ socket, dir }) => isChannel(socket) && dir === 'engine->controller')
  return new Set(replies.map(({ frames }) => Envelope.cut(frames)!.parentHeader.msg_id))
}

function isChannel(socket: string): socket is Channel {
  return CHANNELS.includes(socket as Channel)
}

function uuidsIn(messages: readonly SampleMessage[]): string[] {
  const requests = messages.filter(({ socket, dir }) => socket === 'mux' && dir === 'client->controller')
  return [...new Set(requests.map(({ frames }) => frames[0]!.toString()))]
}

describe('startController', () => {
  it('[70] carries all that a client and engines of 9.1 said, without a change', async () => {
    const { key, messages } = wireSamples('9.1.0')
    const answered = answeredIn(messages)
    const inOrder = [
      ...messages.filter(({ conversation }) => conversation !== LAST),
      ...messages.filter(({ conversation }) => conversation === LAST),
    ]
    const stage = await Stage.set(key, uuidsIn(messages))
    let count = 0
    for (const { socket, dir, frames } of inOrder) {
      if (dir === 'engine->controller' && socket === 'iopub') await stage.publish(frames)
      else if (isChannel(socket) && dir === 'engine->controller') await stage.reply(socket, frames)
      else if (isChannel(socket) && dir === 'client->controller') {
        if (!answered.has(Envelope.cut(frames)!.header.msg_id)) continue
        await stage.request(socket, frames)
      } else continue
      count += 1
    }
    expect(count).toBeGreaterThan(20)
  })
})

import { once } from 'node:events'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Arrival } from '../../src/transport/arrival.ts'
import { joinedFrame } from '../../src/transport/pieces.ts'
import type { Frame, Message, SendOutcome } from '../../src/transport/socket.ts'
import { tcpTransport } from '../../src/transport/tcp.ts'
import { LibzmqPeer } from '../common/transport-libzmq.ts'
import { RawPeer } from '../common/transport-raw.ts'
import { Bench, frames, Inbox, type Probe, texts } from '../common/transport-tools.ts'
import { encoded } from '../common/transport-wire.ts'
import { describeNeeds } from '../support/needs.ts'

const MIB = 1024 * 1024
/** What a sender that is to stop in the middle leaves out. */
const REST_BYTES = 100_000

/** A relay: what comes to the one socket goes to the peer of the other that its first frame names. */
class Relay {
  readonly arrivals = new Inbox<Arrival>()
  readonly outcomes = new Inbox<SendOutcome>()
  /** Messages are dropped when they are whole. */
  drops = false
  readonly front: Probe
  readonly back: Probe
  frontUrl = ''
  backUrl = ''

  constructor(bench: Bench) {
    this.front = bench.probe('ROUTER', {
      largeFramesInPieces: true,
      onArrival: (head, arrival) => {
        this.back.socket.passOn(swapped(head), arrival)
        this.arrivals.put(arrival)
      },
      onMessage: message => {
        if (!this.drops) this.outcomes.put(this.back.socket.send(swapped(message)))
      },
    })
    this.back = bench.probe('ROUTER', { largeFramesInPieces: true })
  }

  async bind(): Promise<void> {
    this.frontUrl = await this.front.socket.bind('tcp://127.0.0.1:0')
    this.backUrl = await this.back.socket.bind('tcp://127.0.0.1:0')
  }
}

function swapped(message: Message): Frame[] {
  const [sender, receiver, ...rest] = message
  return [receiver!, sender!, ...rest]
}

/** A peer that begins to send a large message, and stops in the middle when it is told to. */
class Sender {
  readonly peer: RawPeer
  readonly #bytes: Buffer
  #at = 0

  private constructor(peer: RawPeer, message: Message) {
    this.peer = peer
    this.#bytes = encoded(message)
  }

  static async start(relay: Relay, message: Message, name = 'sender'): Promise<Sender> {
    const peer = await RawPeer.connect(relay.frontUrl)
    peer.greet()
    peer.ready('DEALER', name)
    await peer.until(text => text.includes('READY'))
    return new Sender(peer, message)
  }

  /** Sends all but the last bytes, and waits until the relay has begun to pass them on. */
  async sendMost(relay: Relay): Promise<Arrival> {
    await this.#sendUntil(this.#bytes.length - REST_BYTES)
    return relay.arrivals.take()
  }

  async sendRest(): Promise<void> {
    await this.#sendUntil(this.#bytes.length)
  }

  async #sendUntil(end: number): Promise<void> {
    // In pieces: a relay learns the pace of a sender when it has read all that there was.
    for (; this.#at < end; this.#at = Math.min(end, this.#at + 50_000)) {
      const bytes = this.#bytes.subarray(this.#at, Math.min(end, this.#at + 50_000))
      if (!this.peer.stream.write(bytes)) await once(this.peer.stream, 'drain')
    }
  }
}

function patterned(length: number, seed = 7919): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * seed) >> 5
  return bytes
}

const LARGE = patterned(4 * MIB)

let bench: Bench
let relay: Relay
beforeEach(async () => {
  bench = new Bench(tcpTransport)
  relay = new Relay(bench)
  await relay.bind()
})
afterEach(() => bench.close())

async function receiver(name = 'receiver'): Promise<Probe> {
  const probe = bench.probe('DEALER', { identity: name })
  probe.socket.connect(relay.backUrl)
  await Promise.all([probe.joined(), relay.back.joined()])
  return probe
}

async function rawReceiver(name = 'receiver'): Promise<RawPeer> {
  const peer = await RawPeer.connect(relay.backUrl)
  peer.greet()
  peer.ready('DEALER', name)
  await peer.until(text => text.includes('READY'))
  await relay.back.joined()
  return peer
}

const isEqual = (message: Message, expected: Message): boolean =>
  Buffer.concat(message.map(joinedFrame)).equals(Buffer.concat(expected)) &&
  message.length === expected.length

it('a relay passes a large message on before it is whole, and its end when it is', async () => {
  const peer = await rawReceiver()
  const before = (await peer.until(text => text.includes('READY'))).length
  const sender = await Sender.start(relay, [...frames('receiver', 'head'), LARGE])
  const arrival = await sender.sendMost(relay)
  expect(arrival.isPassedOn).toBe(true)
  const whole = encoded([...frames('sender', 'head'), LARGE])
  await peer.until(text => text.length - before > 2.5 * MIB)
  expect(relay.outcomes.length).toBe(0)
  await sender.sendRest()
  const all = await peer.until(text => text.length - before >= whole.length)
  expect(Buffer.from(all.slice(before), 'latin1').equals(whole)).toBe(true)
  expect(await relay.outcomes.take()).toBe('ok')
})

it('a relay passes on a message with several large buffers when its last one comes', async () => {
  const probe = await receiver()
  const message = [...frames('receiver', 'head'), patterned(2 * MIB, 31), ...frames('', 'small'), LARGE]
  const sender = await Sender.start(relay, message)
  expect((await sender.sendMost(relay)).isPassedOn).toBe(true)
  await sender.sendRest()
  expect(isEqual(await probe.messages.take(), [...frames('sender'), ...message.slice(1)])).toBe(true)
})

it('two large messages for one receiver come one after the other', async () => {
  const probe = await receiver()
  const [one, other] = await Promise.all([
    Sender.start(relay, [...frames('receiver', 'one'), LARGE], 'first'),
    Sender.start(relay, [...frames('receiver', 'other'), LARGE], 'second'),
  ])
  expect((await one.sendMost(relay)).isPassedOn).toBe(true)
  expect((await other.sendMost(relay)).isPassedOn).toBe(false)
  await other.sendRest()
  await relay.outcomes.take()
  await one.sendRest()
  for (const [name, word] of [
    ['first', 'one'],
    ['second', 'other'],
  ]) {
    expect(isEqual(await probe.messages.take(), [...frames(name!, word!), LARGE])).toBe(true)
  }
})

it('a receiver whose sender dies in the middle gets nothing of its message, and all others', async () => {
  const probe = await receiver()
  relay.back.send('receiver', 'before')
  const sender = await Sender.start(relay, [...frames('receiver', 'head'), LARGE])
  const arrival = await sender.sendMost(relay)
  expect(arrival.isPassedOn).toBe(true)
  expect(relay.back.send('receiver', 'behind')).toBe('ok')
  sender.peer.close()
  await relay.front.left()
  expect(arrival.isPassedOn).toBe(false)
  await probe.left()
  expect(relay.back.send('receiver', 'while it is away')).toBe('ok')
  await probe.joined()
  expect(relay.back.send('receiver', 'when it is back')).toBe('ok')
  for (const word of ['before', 'behind', 'while it is away', 'when it is back'])
    expect(await probe.receive()).toEqual([word])
  // To the relay it was never away.
  expect(relay.back.peers.length).toBe(0)
})

it('a receiver whose sender stalls in the middle gets the others first, and its message when it is whole', async () => {
  const probe = await receiver()
  const sender = await Sender.start(relay, [...frames('receiver', 'head'), LARGE])
  expect((await sender.sendMost(relay)).isPassedOn).toBe(true)
  relay.back.send('receiver', 'behind')
  expect(await probe.receive()).toEqual(['behind'])
  await sender.sendRest()
  expect(isEqual(await probe.messages.take(), [...frames('sender', 'head'), LARGE])).toBe(true)
})

it('a receiver is cut off from a message that is not to be sent after all', async () => {
  const probe = await receiver()
  relay.drops = true
  const sender = await Sender.start(relay, [...frames('receiver', 'head'), LARGE])
  const arrival = await sender.sendMost(relay)
  expect(arrival.isPassedOn).toBe(true)
  await sender.sendRest()
  await relay.front.messages.take()
  expect(arrival.isPassedOn).toBe(false)
  await probe.left()
  await probe.joined()
  relay.back.send('receiver', 'next')
  expect(await probe.receive()).toEqual(['next'])
})

it('a sender goes on undisturbed when its receiver dies in the middle', async () => {
  const peer = await rawReceiver()
  const sender = await Sender.start(relay, [...frames('receiver', 'head'), LARGE])
  expect((await sender.sendMost(relay)).isPassedOn).toBe(true)
  peer.close()
  await relay.back.left()
  await sender.sendRest()
  expect(await relay.outcomes.take()).toBe('unroutable')
  const probe = await receiver()
  sender.peer.write(encoded(frames('receiver', 'next')))
  expect(await probe.receive()).toEqual(['sender', 'next'])
})

it('a slow receiver gets all, and holds up nobody else', async () => {
  const peer = await rawReceiver()
  const before = (await peer.until(text => text.includes('READY'))).length
  peer.stream.pause()
  const other = await receiver('other')
  const huge = patterned(24 * MIB)
  const sender = await Sender.start(relay, [...frames('receiver', 'head'), huge])
  expect((await sender.sendMost(relay)).isPassedOn).toBe(true)
  await sender.sendRest()
  expect(await relay.outcomes.take()).toBe('ok')
  relay.back.send('receiver', 'behind')
  relay.back.send('other', 'now')
  expect(await other.receive()).toEqual(['now'])
  const whole = encoded([...frames('sender', 'head'), huge], frames('behind'))
  const chunks: Buffer[] = []
  let bytes = 0
  peer.stream.removeAllListeners('data')
  await new Promise<void>(resolve => {
    peer.stream.on('data', chunk => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes >= whole.length) resolve()
    })
    peer.stream.resume()
  })
  expect(before).toBeGreaterThan(0)
  expect(Buffer.concat(chunks).equals(whole)).toBe(true)
})

it('a sender that the relay no longer reads is held back, in the middle as well', async () => {
  const probe = await receiver()
  const sender = await Sender.start(relay, [...frames('receiver', 'head'), LARGE])
  expect((await sender.sendMost(relay)).isPassedOn).toBe(true)
  relay.front.socket.pause()
  await sender.sendRest()
  const second = await Sender.start(relay, frames('receiver', 'second'), 'other')
  expect(relay.outcomes.length).toBe(0)
  relay.front.socket.resume()
  await second.sendRest()
  const got = [await probe.messages.take(), await probe.messages.take()]
  expect(got.some(message => isEqual(message, [...frames('sender', 'head'), LARGE]))).toBe(true)
})

it('a PING in the middle of a message that goes out is answered behind it', async () => {
  const peer = await rawReceiver()
  const before = (await peer.until(text => text.includes('READY'))).length
  const sender = await Sender.start(relay, [...frames('receiver', 'head'), LARGE])
  await sender.sendMost(relay)
  peer.write('\x04\x07\x04PING\x00\x0a')
  peer.write(encoded(frames('heard')))
  await relay.back.messages.find(message => texts(message)[1] === 'heard')
  await sender.sendRest()
  const whole = encoded([...frames('sender', 'head'), LARGE])
  const all = await peer.until(text => text.includes('PONG') && text.length - before > whole.length)
  expect(Buffer.from(all.slice(before, before + whole.length), 'latin1').equals(whole)).toBe(true)
  expect(all.slice(before + whole.length)).toBe('\x04\x05\x04PONG')
})

it('a relay that closes in the middle of a message closes', async () => {
  const probe = await receiver()
  const sender = await Sender.start(relay, [...frames('receiver', 'head'), LARGE])
  expect((await sender.sendMost(relay)).isPassedOn).toBe(true)
  await Promise.all([relay.front.socket.close(), relay.back.socket.close()])
  await probe.left()
  expect(probe.messages.length).toBe(0)
})

describeNeeds("libzmq's sockets", ['zmq'], () => {
  it('come back by themselves when their sender dies in the middle of a message', async () => {
    const peer = new LibzmqPeer()
    try {
      await peer.make('dealer', 'DEALER', { identity: 'receiver' })
      await peer.connect('dealer', relay.backUrl)
      await relay.back.joined()
      const sender = await Sender.start(relay, [...frames('receiver', 'head'), LARGE])
      expect((await sender.sendMost(relay)).isPassedOn).toBe(true)
      relay.back.send('receiver', 'behind')
      sender.peer.close()
      expect(await peer.receive('dealer')).toEqual(['behind'])
      const again = await Sender.start(relay, [...frames('receiver', 'head'), LARGE], 'again')
      expect((await again.sendMost(relay)).isPassedOn).toBe(true)
      await again.sendRest()
      const [name, head, large] = await peer.receive('dealer')
      expect([name, head, Buffer.from(large!, 'latin1').equals(LARGE)]).toEqual(['again', 'head', true])
    } finally {
      await peer.stop()
    }
  })
})

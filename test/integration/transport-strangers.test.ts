import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GREETING } from '../../src/transport/state/greeting.ts'
import { tcpTransport } from '../../src/transport/tcp.ts'
import { RawListener, RawPeer } from '../common/transport-raw.ts'
import { Bench, frames } from '../common/transport-tools.ts'
import { encoded } from '../common/transport-wire.ts'

const GREETING_TEXT = GREETING.toString('latin1')

let bench: Bench
beforeEach(() => {
  bench = new Bench(tcpTransport)
})
afterEach(() => bench.close())

describe('tcpTransport on the wire', () => {
  it('[71] a socket writes its greeting in one piece, at once, listening and connecting', async () => {
    const bound = bench.probe('ROUTER')
    const caller = await RawPeer.connect(await bound.socket.bind('tcp://127.0.0.1:0'))
    expect(await caller.until(text => text.length > 0)).toBe(GREETING_TEXT)
    const listener = new RawListener()
    const connecting = bench.probe('DEALER')
    connecting.send('early')
    connecting.socket.connect(await listener.listen())
    const called = await listener.peer()
    expect(await called.until(text => text.length > 0)).toBe(GREETING_TEXT)
    caller.close()
    called.close()
    await connecting.socket.close(0)
    await listener.close()
  })

  it("[71] a socket sends nothing but READY before the peer's READY", async () => {
    const listener = new RawListener()
    const dealer = bench.probe('DEALER')
    dealer.send('early')
    dealer.socket.connect(await listener.listen())
    const peer = await listener.peer()
    peer.greet()
    const ready = '\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0'
    expect(await peer.until(text => text.length > 64)).toBe(GREETING_TEXT + ready)
    for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
    expect(peer.since(64)).toBe(ready)
    peer.ready('ROUTER')
    await peer.until(text => text.endsWith('\0\x05early'))
    peer.close()
    await dealer.socket.close(0)
    await listener.close()
  })

  it('[72] bytes that come one by one are as good as all at once', async () => {
    const router = bench.probe('ROUTER')
    const peer = await RawPeer.connect(await router.socket.bind('tcp://127.0.0.1:0'))
    const ready = '\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06DEALER'
    const stream = GREETING_TEXT + ready + encoded(frames('a', '', 'x'.repeat(300))).toString('latin1')
    for (const byte of stream) {
      peer.write(byte)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect((await router.receive()).slice(1)).toEqual(['a', '', 'x'.repeat(300)])
    peer.close()
  })

  it.each([
    ['a minor 1 publisher by commands', 1, '\x04\x0b\x09SUBSCRIBEa', '\x04\x08\x06CANCELa'],
    ['a minor 0 publisher by messages', 0, '\0\x02\x01a', '\0\x02\0a'],
  ])('[74] SUB subscribes at %s, in its first write after READY', async (_who, minor, yes, no) => {
    const listener = new RawListener()
    const subscriber = bench.probe('SUB')
    subscriber.socket.subscribe('a')
    subscriber.socket.connect(await listener.listen())
    const peer = await listener.peer()
    peer.greet(minor)
    peer.ready('PUB')
    await peer.until(text => text.endsWith(`SUB${yes}`))
    subscriber.socket.unsubscribe('a')
    await peer.until(text => text.endsWith(`SUB${yes}${no}`))
    peer.close()
    await subscriber.socket.close(0)
    await listener.close()
  })

  it('[74] PUB takes both forms of subscriptions, whatever the version', async () => {
    const publisher = bench.probe('XPUB')
    const url = await publisher.socket.bind('tcp://127.0.0.1:0')
    const forms = ['\x04\x0b\x09SUBSCRIBE', '\0\x02\x01']
    for (const minor of [0, 1]) {
      for (const form of forms) {
        const peer = await RawPeer.opened(url, 'SUB', minor)
        peer.write(`${form}t`)
        expect(await publisher.receive()).toEqual(['\x01t'])
        publisher.send('t1')
        publisher.send('u')
        publisher.send('t2')
        await peer.until(text => text.endsWith('\0\x02t1\0\x02t2'))
        peer.close()
        expect(await publisher.receive()).toEqual(['\x00t'])
      }
    }
  })

  it('[75] PING is answered inside a message, unknown commands are ignored', async () => {
    const router = bench.probe('ROUTER')
    const peer = await RawPeer.opened(await router.socket.bind('tcp://127.0.0.1:0'), 'DEALER')
    peer.write('\x01\x01a\x04\x09\x04PING\0\x01ab\x04\x03\x02??')
    await peer.until(text => text.endsWith('\x04\x07\x04PONGab'))
    peer.write('\0\x01b')
    expect((await router.receive()).slice(1)).toEqual(['a', 'b'])
    peer.close()
  })

  it('[76] a ROUTER names nameless peers and replaces the old bearer of a name', async () => {
    const router = bench.probe('ROUTER')
    const url = await router.socket.bind('tcp://127.0.0.1:0')
    const nameless = await Promise.all([RawPeer.opened(url, 'DEALER'), RawPeer.opened(url, 'DEALER')])
    const names = await Promise.all([router.joined(), router.joined()])
    expect(new Set(names.map(event => event.identity.toString('hex'))).size).toBe(2)
    const bearers: RawPeer[] = []
    for (let i = 0; i < 2; i++) {
      const peer = await RawPeer.connect(url)
      peer.greet()
      peer.ready('DEALER', 'name')
      await router.joined()
      bearers.push(peer)
    }
    await bearers[0]!.closed
    router.send('name', 'to the second')
    await bearers[1]!.until(text => text.endsWith('to the second'))
    for (const peer of [...nameless, ...bearers]) peer.close()
  })

  it('[77] a connection lost in the middle of a message delivers nothing', async () => {
    const router = bench.probe('ROUTER')
    const url = await router.socket.bind('tcp://127.0.0.1:0')
    for (const half of ['\x01\x01a', '\x01\x01a\0\x05b', '\x01\x01a\x02\0\0', '\0']) {
      const peer = await RawPeer.opened(url, 'DEALER')
      await router.joined()
      peer.write(half)
      peer.stream.end()
      expect((await router.left()).cause).toMatch(/closed by the peer/)
    }
    expect(router.messages.length).toBe(0)
  })

  it('a handshake that takes too long is cut off', async () => {
    const router = bench.probe('ROUTER', { handshakeMs: 50 })
    const url = await router.socket.bind('tcp://127.0.0.1:0')
    const silent = await RawPeer.connect(url)
    const halfway = await RawPeer.connect(url)
    halfway.greet()
    await Promise.all([silent.closed, halfway.closed])
    expect(router.peers.length).toBe(0)
  })

  it('a peer that falls silent is cut off by the heartbeat', async () => {
    const router = bench.probe('ROUTER', { heartbeat: { intervalMs: 20, timeoutMs: 50 } })
    const peer = await RawPeer.opened(await router.socket.bind('tcp://127.0.0.1:0'), 'DEALER')
    await peer.until(text => text.includes('PING'))
    expect((await router.left()).cause).toBe('heartbeat lost')
    await peer.closed
  })

  it('a socket that is paused does not take its own deafness for the silence of its peers', async () => {
    const heartbeat = { intervalMs: 10, timeoutMs: 20 }
    const { bound, connected } = await bench.pair('ROUTER', 'DEALER', { heartbeat })
    bound.socket.pause()
    await new Promise(resolve => setTimeout(resolve, 100))
    connected.send('hello')
    bound.socket.resume()
    expect((await bound.receive())[1]).toBe('hello')
    expect(bound.peers.length).toBe(0)
  })
})

describe('tcpTransport against strangers', () => {
  it('a name that a ROUTER made for one peer cannot be taken by another', async () => {
    const { bound, url, connected } = await bench.pair('ROUTER', 'DEALER')
    connected.send('who am I')
    const [name] = await bound.receive()
    const thief = await RawPeer.connect(url)
    thief.greet()
    thief.ready('DEALER', name)
    await thief.closed
    expect(bound.send(name!, 'for the first')).toBe('ok')
    expect(await connected.receive()).toEqual(['for the first'])
    expect(bound.peers.length).toBe(0)
  })

  it.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['ZMTP 2.0', '\xff\0\0\0\0\0\0\0\x01\x7f\x01\x05\0\0'],
    ['PLAIN', `${GREETING_TEXT.slice(0, 12)}PLAIN${'\0'.repeat(47)}`],
    ['a message before READY', `${GREETING_TEXT}\0\x01x`],
    ['a frame before READY that never ends', `${GREETING_TEXT}\x02\0\0\0\0\0\x10\0\0`],
    ['a PUB', `${GREETING_TEXT}\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB`],
    ['ERROR', `${GREETING_TEXT}\x04\x07\x05ERROR\0`],
    ['a huge command', `${GREETING_TEXT}\x06\0\0\0\0\x7f\0\0\0`],
  ])('%s is closed without a word to the application', async (_what, text) => {
    const router = bench.probe('ROUTER')
    const peer = await RawPeer.connect(await router.socket.bind('tcp://127.0.0.1:0'))
    peer.write(text)
    await peer.closed
    expect([router.messages.length, router.peers.length]).toEqual([0, 0])
  })

  it.each([
    ['a frame', { frameBytesMax: 1000 }, '\x02\0\0\0\0\0\0\x03\xe9'],
    ['a message', { messageBytesMax: 1000 }, `\x01\xff${'x'.repeat(255)}\x02\0\0\0\0\0\0\x03\xe8`],
    ['too many frames', { messageFramesMax: 10 }, '\x01\0'.repeat(11)],
    ['a frame that fits no memory', {}, '\x02\0\0\0\x10\0\0\0\0'],
  ])('%s over the limit closes the connection as soon as it is announced', async (_what, limits, text) => {
    const router = bench.probe('ROUTER', limits)
    const peer = await RawPeer.opened(await router.socket.bind('tcp://127.0.0.1:0'), 'DEALER')
    peer.write(text)
    await peer.closed
    expect(router.messages.length).toBe(0)
  })

  it('a peer that asks for PONGs and reads none is cut off', async () => {
    const router = bench.probe('ROUTER')
    const peer = await RawPeer.opened(await router.socket.bind('tcp://127.0.0.1:0'), 'DEALER')
    await router.joined()
    peer.stream.pause()
    const pings = Buffer.from('\x04\x17\x04PING\0\x010123456789abcdef'.repeat(1000), 'latin1')
    let left = false
    const cause = router.left().then(event => {
      left = true
      return event.cause
    })
    while (!left) {
      if (!peer.stream.destroyed) peer.stream.write(pings)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(await cause).toBe('does not read our answers')
    peer.close()
  })

  it('a subscriber with too many topics is cut off', async () => {
    const publisher = bench.probe('PUB')
    const peer = await RawPeer.opened(await publisher.socket.bind('tcp://127.0.0.1:0'), 'SUB')
    let text = ''
    for (let i = 0; i < 70_000; i++) text += `\x04\x12\x09SUBSCRIBE${String(i).padStart(8, '0')}`
    peer.write(text)
    expect((await publisher.left()).cause).toBe('too many subscriptions')
    peer.close()
  })

  it('10,000 garbage connections change nothing for those who behave', { timeout: 60_000 }, async () => {
    const { bound, connected, url } = await bench.pair('ROUTER', 'DEALER', {}, { identity: 'good' })
    const random = generator(20_261_122)
    const heapBefore = process.memoryUsage().heapUsed
    const lane = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const peer = await RawPeer.connect(url)
        const garbage = Buffer.from(Array.from({ length: 1 + (random() % 200) }, () => random() & 255))
        if (i % 3 === 0) peer.greet()
        if (i % 3 === 1) garbage[0] = 0xff
        peer.write(garbage)
        peer.stream.end()
        await peer.closed
      }
    }
    const lanes = Array.from({ length: 50 }, () => lane(200))
    for (let i = 0; i < 100; i++) {
      connected.send(`${i}`)
      expect(await bound.receive()).toEqual(['good', `${i}`])
    }
    await Promise.all(lanes)
    connected.send('after')
    expect(await bound.receive()).toEqual(['good', 'after'])
    expect([bound.messages.length, bound.peers.length]).toEqual([0, 0])
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(200 * 1024 * 1024)
  })

  it('garbage after a good handshake closes that connection only', async () => {
    const { bound, connected, url } = await bench.pair('ROUTER', 'DEALER', {}, { identity: 'good' })
    const random = generator(42)
    for (let i = 0; i < 200; i++) {
      const peer = await RawPeer.opened(url, 'DEALER')
      peer.write(Buffer.from(Array.from({ length: 300 }, () => random() & 255)))
      peer.stream.end()
      await peer.closed
    }
    connected.send('after')
    const good = await bound.messages.find(message => message[0]!.toString() === 'good')
    expect(good[1]!.toString()).toBe('after')
  })
})

/** A small linear generator: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return state >> 8
  }
}

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { SocketType } from '../../src/transport/socket.ts'
import { tcpTransport } from '../../src/transport/tcp.ts'
import { LibzmqPeer } from '../common/transport-libzmq.ts'
import { Bench, type Probe, texts } from '../common/transport-tools.ts'
import { describeNeeds } from '../support/needs.ts'

/** Who may talk to whom: ours first. */
const REQUESTING: readonly [SocketType, SocketType | 'REQ' | 'REP'][] = [
  ['ROUTER', 'DEALER'],
  ['ROUTER', 'ROUTER'],
  ['ROUTER', 'REQ'],
  ['DEALER', 'ROUTER'],
  ['DEALER', 'DEALER'],
  ['DEALER', 'REP'],
]
const PUBLISHING: readonly [SocketType, SocketType][] = [
  ['PUB', 'SUB'],
  ['PUB', 'XSUB'],
  ['XPUB', 'SUB'],
  ['XPUB', 'XSUB'],
]
const SIDES = ['binds', 'connects'] as const
type Side = (typeof SIDES)[number]

const NAMES = { ours: 'ours', theirs: 'theirs' }
const BIG = 5_000_000

describeNeeds('tcpTransport with libzmq', ['zmq'], () => {
  let peer: LibzmqPeer
  let bench: Bench
  const made: string[] = []
  beforeAll(() => {
    peer = new LibzmqPeer()
  })
  afterAll(() => peer.stop())
  beforeEach(() => {
    bench = new Bench(tcpTransport)
  })
  afterEach(async () => {
    await bench.close()
    for (const name of made.splice(0)) await peer.close(name)
  })

  async function make(name: string, type: SocketType | 'REQ' | 'REP', options = {}): Promise<void> {
    await peer.make(name, type, options)
    made.push(name)
  }

  /** Joins one of our sockets, which binds or connects, with theirs. */
  async function join(ours: Probe, theirs: string, side: Side): Promise<string> {
    const url = side === 'binds' ? await ours.socket.bind('tcp://127.0.0.1:0') : await peer.bind(theirs)
    if (side === 'binds') await peer.connect(theirs, url)
    else ours.socket.connect(url)
    return url
  }

  /** The frames before the message proper, as our side sends and sees them. */
  function prefix(ours: SocketType, theirs: SocketType | 'REQ' | 'REP'): string[] {
    const envelope = theirs === 'REQ' || theirs === 'REP' ? [''] : []
    return ours === 'ROUTER' ? [NAMES.theirs, ...envelope] : envelope
  }

  for (const [type, theirs] of REQUESTING) {
    for (const side of SIDES) {
      it(`[73] ${type} that ${side} exchanges messages of all sizes with libzmq's ${theirs}`, async () => {
        const ours = bench.probe(type, { identity: NAMES.ours })
        await make('peer', theirs, { identity: NAMES.theirs })
        await join(ours, 'peer', side)
        await ours.joined()
        const before = prefix(type, theirs)
        const theirPrefix = theirs === 'ROUTER' ? [NAMES.ours] : []
        const messages = [[''], ['a', '', 'c'], ['x'.repeat(255)], ['y'.repeat(256), 'z'.repeat(70_000)]]
        for (const message of messages) {
          if (theirs === 'REQ') {
            await peer.send('peer', ...message)
            expect(await ours.receive()).toEqual([...before, ...message])
            ours.send(...before, ...message)
            expect(await peer.receive('peer')).toEqual(message)
            continue
          }
          ours.send(...before, ...message)
          expect(await peer.receive('peer')).toEqual([...theirPrefix, ...message])
          await peer.send('peer', ...theirPrefix, ...message)
          expect(await ours.receive()).toEqual([...before, ...message])
        }
      })
    }
  }

  for (const side of SIDES) {
    it(`DEALER that ${side} gets ${BIG / 1e6} MB and 1000 frames back from libzmq's ROUTER`, async () => {
      const ours = bench.probe('DEALER')
      await make('peer', 'ROUTER')
      await join(ours, 'peer', side)
      const big = Buffer.alloc(BIG)
      for (let i = 0; i < BIG; i += 1000) big.writeUInt32LE(i, i)
      const many = Array.from({ length: 1000 }, (_, i) => `${i}`)
      ours.send('before', big, 'after')
      ours.send(...many)
      expect(await peer.echo('peer', 2)).toBe(2)
      const [before, body, after] = await ours.messages.take()
      expect([before!.toString(), after!.toString()]).toEqual(['before', 'after'])
      expect(body!.equals(big)).toBe(true)
      expect(await ours.receive()).toEqual(many)
    })

    it(`ROUTER that ${side} keeps the order of 5000 messages of libzmq's DEALER`, async () => {
      const ours = bench.probe('ROUTER')
      await make('peer', 'DEALER', { identity: NAMES.theirs })
      await join(ours, 'peer', side)
      await peer.flood('peer', 5000, '<IDS|MSG>', 'x'.repeat(200), '')
      const got = await ours.messages.takeMany(5000)
      expect(got.every((message, i) => message[4]!.toString() === `${i}` && message.length === 5)).toBe(true)
    })
  }

  for (const [type, theirs] of PUBLISHING) {
    for (const side of SIDES) {
      it(`[74] ${type} that ${side} publishes to libzmq's ${theirs}, by prefix`, async () => {
        const ours = bench.probe(type)
        await make('peer', theirs)
        if (theirs === 'SUB') await peer.subscribe('peer', 'a')
        await join(ours, 'peer', side)
        if (theirs === 'XSUB') await peer.send('peer', '\x01a')
        await subscribed(ours, 'a1')
        ours.send('b', 'no')
        ours.send('a2', 'x'.repeat(1000))
        let message = await peer.receive('peer')
        while (message[0] === 'a1') message = await peer.receive('peer')
        expect(message).toEqual(['a2', 'x'.repeat(1000)])
      })
    }
  }

  /**
   * Publishes until somebody listens: a PUB is not told of subscriptions, and a libzmq socket that binds subscribes
   * only when its application next looks for messages.
   */
  async function subscribed(publisher: Probe, topic: string): Promise<void> {
    do publisher.send(topic)
    while ((await peer.receiveMany('peer', 1, 20)).length === 0)
    if (publisher.socket.type === 'XPUB') expect(await publisher.receive()).toEqual(['\x01a'])
  }

  for (const [theirs, type] of PUBLISHING.map(([one, other]) => [one, other] as const)) {
    for (const side of SIDES) {
      it(`[74] ${type} that ${side} hears libzmq's ${theirs}, by prefix, until it cancels`, async () => {
        const ours = bench.probe(type)
        ours.socket.subscribe('a')
        await make('peer', theirs)
        await join(ours, 'peer', side)
        const heard = ours.receive()
        await publishUntil(heard)
        if (theirs === 'XPUB') expect(await peer.receive('peer')).toEqual(['\x01a'])
        await peer.send('peer', 'b')
        await peer.send('peer', 'a', 'end')
        let message = await heard
        while (message.length < 2) message = await ours.receive()
        expect(message).toEqual(['a', 'end'])
        ours.socket.unsubscribe('a')
        if (theirs === 'XPUB') expect(await peer.receive('peer')).toEqual(['\x00a'])
      })
    }
  }

  async function publishUntil(heard: Promise<unknown>): Promise<void> {
    let done = false
    void heard.then(() => {
      done = true
    })
    while (!done) {
      await peer.send('peer', 'a')
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  it("XPUB is told when libzmq cancels, and XSUB talks to libzmq's XPUB", async () => {
    const publisher = bench.probe('XPUB')
    await make('peer', 'SUB')
    await join(publisher, 'peer', 'binds')
    for (const topic of ['', 'a', 'x'.repeat(300)]) {
      await peer.subscribe('peer', topic)
      expect(await publisher.receive()).toEqual([`\x01${topic}`])
      await peer.unsubscribe('peer', topic)
      expect(await publisher.receive()).toEqual([`\x00${topic}`])
    }
    const subscriber = bench.probe('XSUB')
    await make('xpub', 'XPUB')
    await join(subscriber, 'xpub', 'connects')
    await subscriber.joined()
    subscriber.send('hello')
    expect(await peer.receive('xpub')).toEqual(['hello'])
  })

  it("DEALER survives restarts of libzmq's ROUTER and loses nothing that it had kept", async () => {
    const ours = bench.probe('DEALER', { identity: NAMES.ours })
    await peer.make('one', 'ROUTER')
    const url = await peer.bind('one')
    ours.socket.connect(url)
    ours.send('first')
    expect(await peer.receive('one')).toEqual([NAMES.ours, 'first'])
    await peer.close('one')
    await ours.left()
    for (let i = 0; i < 100; i++) ours.send(`${i}`)
    await make('two', 'ROUTER')
    await peer.bind('two', url)
    const got = await peer.receiveMany('two', 100)
    expect(got).toEqual(Array.from({ length: 100 }, (_, i) => [NAMES.ours, `${i}`]))
  })

  it("libzmq's DEALER finds our ROUTER again after its restart", async () => {
    const first = bench.probe('ROUTER')
    await make('peer', 'DEALER', { identity: NAMES.theirs })
    const url = await join(first, 'peer', 'binds')
    await peer.send('peer', 'one')
    expect(await first.receive()).toEqual([NAMES.theirs, 'one'])
    await first.socket.close()
    const second = bench.probe('ROUTER')
    await second.socket.bind(url)
    await second.joined()
    await peer.send('peer', 'two')
    expect(await second.receive()).toEqual([NAMES.theirs, 'two'])
    second.send(NAMES.theirs, 'back')
    expect(await peer.receive('peer')).toEqual(['back'])
  })

  it("libzmq's DEALER that was killed is known to be gone, and its successor of the same name is heard", async () => {
    const ours = bench.probe('ROUTER')
    const url = await ours.socket.bind('tcp://127.0.0.1:0')
    for (let life = 0; life < 2; life++) {
      const mortal = new LibzmqPeer()
      await mortal.make('peer', 'DEALER', { identity: NAMES.theirs })
      await mortal.connect('peer', url)
      await mortal.send('peer', 'alive')
      expect(await ours.receive()).toEqual([NAMES.theirs, 'alive'])
      await mortal.kill()
      expect((await ours.left()).identity.toString()).toBe(NAMES.theirs)
      expect(ours.send(NAMES.theirs, 'too late')).toBe('unroutable')
    }
  })

  it("[75] libzmq's heartbeats are answered, and ours by it", async () => {
    const ours = bench.probe('ROUTER', { heartbeat: { intervalMs: 20, timeoutMs: 2000 } })
    await make('peer', 'DEALER', { identity: NAMES.theirs, heartbeat: 20 })
    await join(ours, 'peer', 'binds')
    await ours.joined()
    // Long enough for either side to have given up, were the other one silent.
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(ours.peers.length).toBe(0)
    await peer.send('peer', 'still here')
    expect(await ours.receive()).toEqual([NAMES.theirs, 'still here'])
  })

  it('[71] messages written in the same turn as a libzmq peer joins are accepted', async () => {
    for (const side of SIDES) {
      const ours = bench.probe('DEALER')
      ours.send('at once', side)
      await make(side, 'ROUTER')
      await join(ours, side, side)
      expect((await peer.receive(side)).slice(1)).toEqual(['at once', side])
    }
  })

  it("a ROUTER routes to libzmq's names of any bytes", async () => {
    const ours = bench.probe('ROUTER')
    const name = '\x01\xff\xfe '.padEnd(255, '\x80')
    await make('peer', 'DEALER', { identity: name })
    await join(ours, 'peer', 'binds')
    await peer.send('peer', 'hello')
    expect(texts(await ours.messages.take())).toEqual([name, 'hello'])
    ours.send(name, 'back')
    expect(await peer.receive('peer')).toEqual(['back'])
  })
})

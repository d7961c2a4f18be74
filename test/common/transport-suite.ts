import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConnectionError, UsageError } from '../../src/errors.ts'
import type { Transport } from '../../src/transport/socket.ts'
import { Bench, frames, texts } from './transport-tools.ts'

/** What every transport owes its sockets. */
export function transportSuite(name: string, makeTransport: () => Transport): void {
  describe(name, () => {
    let bench: Bench
    beforeEach(() => {
      bench = new Bench(makeTransport())
    })
    afterEach(() => bench.close())
    routing(() => bench)
    queueing(() => bench)
    publishing(() => bench)
    backpressure(() => bench)
    lifetime(() => bench)
  })
}

function routing(bench: () => Bench): void {
  it('ROUTER prefixes the identity of a DEALER and answers by it', async () => {
    const { bound, connected } = await bench().pair('ROUTER', 'DEALER', {}, { identity: 'engine-1' })
    expect(connected.send('hello', '', 'world')).toBe('ok')
    expect(await bound.receive()).toEqual(['engine-1', 'hello', '', 'world'])
    expect(bound.send('engine-1', 'reply')).toBe('ok')
    expect(await connected.receive()).toEqual(['reply'])
  })

  it('ROUTER names a nameless peer: five bytes, the first one zero', async () => {
    const { bound, connected } = await bench().pair('ROUTER', 'DEALER')
    connected.send('hello')
    const [identity, hello] = await bound.messages.take()
    expect(identity).toHaveLength(5)
    expect(identity![0]).toBe(0)
    expect(hello!.toString()).toBe('hello')
    bound.socket.send([identity!, Buffer.from('back')])
    expect(await connected.receive()).toEqual(['back'])
  })

  it('ROUTER calls a peer it does not know unroutable', async () => {
    const { bound } = await bench().pair('ROUTER', 'DEALER')
    expect(bound.send('nobody', 'hello')).toBe('unroutable')
  })

  it('ROUTER connects to ROUTERs and tells them apart by name', async () => {
    const engine = bench().probe('ROUTER', { identity: 'engine' })
    const mux = bench().probe('ROUTER', { identity: 'mux_out' })
    const task = bench().probe('ROUTER', { identity: 'task_out' })
    for (const { socket } of [mux, task]) engine.socket.connect(await socket.bind('tcp://127.0.0.1:0'))
    await Promise.all([mux.joined(), task.joined()])
    mux.send('engine', 'client', 'm')
    task.send('engine', 'client', 't')
    const got = [await engine.receive(), await engine.receive()].sort()
    expect(got).toEqual([
      ['mux_out', 'client', 'm'],
      ['task_out', 'client', 't'],
    ])
    engine.send('task_out', 'client', 'reply')
    expect(await task.receive()).toEqual(['engine', 'client', 'reply'])
  })

  it('ROUTER lets a new connection of a name in use replace the old one', async () => {
    const { bound, connected, url } = await bench().pair('ROUTER', 'DEALER', {}, { identity: 'same' })
    connected.socket.disconnect(url)
    const second = bench().probe('DEALER', { identity: 'same' })
    second.socket.connect(url)
    await second.joined()
    await bound.joined()
    bound.send('same', 'for the second')
    expect(await second.receive()).toEqual(['for the second'])
    expect(connected.messages.length).toBe(0)
  })

  it('ROUTER closes the old connection of a name that is taken over, and says why', async () => {
    const { bound, connected, url } = await bench().pair(
      'ROUTER',
      'DEALER',
      {},
      { identity: 'same', reconnect: { minMs: 20_000, maxMs: 20_000 } },
    )
    const second = bench().probe('DEALER', { identity: 'same' })
    second.socket.connect(url)
    expect((await bound.left()).cause).toMatch(/replaced/)
    expect((await bound.joined()).identity.toString()).toBe('same')
    await connected.left()
    bound.send('same', 'for the second')
    expect(await second.receive()).toEqual(['for the second'])
  })

  it('DEALER gives its messages to its peers in turn', async () => {
    const dealer = bench().probe('DEALER', { identity: 'd' })
    const peers = [bench().probe('ROUTER'), bench().probe('ROUTER')]
    for (const { socket } of peers) dealer.socket.connect(await socket.bind('tcp://127.0.0.1:0'))
    await Promise.all(peers.map(peer => peer.joined()))
    await Promise.all([dealer.joined(), dealer.joined()])
    for (let i = 0; i < 6; i++) dealer.send(`${i}`)
    const got = await Promise.all(peers.map(async peer => (await peer.messages.takeMany(3)).map(texts)))
    const numbers = got.map(messages => messages.map(message => Number(message[1])))
    expect(numbers.map(list => list.map(i => i % 2)).sort()).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ])
  })

  it('sockets that do not fit find no connection', async () => {
    const publisher = bench().probe('PUB')
    const url = await publisher.socket.bind('tcp://127.0.0.1:0')
    const dealer = bench().probe('DEALER')
    dealer.socket.connect(url)
    const subscriber = bench().probe('SUB')
    subscriber.socket.connect(url)
    await publisher.joined()
    expect(dealer.peers.length).toBe(0)
    expect(dealer.send('waits')).toBe('ok')
  })
}

function queueing(bench: () => Bench): void {
  for (const size of [0, 1, 255, 256, 70_000, 5_000_000]) {
    it(`frames of ${size} bytes go both ways`, async () => {
      const { bound, connected } = await bench().pair('ROUTER', 'DEALER', {}, { identity: 'd' })
      const body = Buffer.alloc(size, 'abcdefg')
      connected.send('before', body, 'after')
      const [identity, ...there] = await bound.messages.take()
      expect(there.map(frame => frame.length)).toEqual([6, size, 5])
      expect(there[1]!.equals(body)).toBe(true)
      bound.socket.send([identity!, ...there])
      const back = await connected.messages.take()
      expect(back[1]!.equals(body)).toBe(true)
    })
  }

  it('a message of 1000 frames arrives whole', async () => {
    const { bound, connected } = await bench().pair('ROUTER', 'DEALER')
    const many = Array.from({ length: 1000 }, (_, i) => `frame ${i}`)
    connected.send(...many)
    expect((await bound.receive()).slice(1)).toEqual(many)
  })

  it('10,000 messages of mixed sizes keep their order', async () => {
    const { bound, connected } = await bench().pair('ROUTER', 'DEALER')
    for (let i = 0; i < 10_000; i++)
      connected.send(`${i}`, Buffer.alloc((i * 37) % (i % 100 === 0 ? 50_000 : 300)))
    const got = await bound.messages.takeMany(10_000)
    expect(got.every((message, i) => message[1]!.toString() === `${i}`)).toBe(true)
    expect(got.every((message, i) => message[2]!.length === (i * 37) % (i % 100 === 0 ? 50_000 : 300))).toBe(
      true,
    )
  })

  it('[78] DEALER keeps what is sent before anybody listens', async () => {
    const first = bench().probe('ROUTER')
    const url = await first.socket.bind('tcp://127.0.0.1:0')
    await first.socket.close()
    const dealer = bench().probe('DEALER', { identity: 'd' })
    dealer.socket.connect(url)
    for (let i = 0; i < 100; i++) expect(dealer.send(`${i}`)).toBe('ok')
    const router = bench().probe('ROUTER')
    await router.socket.bind(url)
    const got = await router.messages.takeMany(100)
    expect(got.map(message => Number(message[1]))).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })

  it('DEALER connects again to a peer that restarted, and delivers what was sent meanwhile in order', async () => {
    const { bound, connected, url } = await bench().pair('ROUTER', 'DEALER', {}, { identity: 'd' })
    connected.send('first')
    await bound.receive()
    await bound.socket.close()
    await connected.left()
    for (let i = 0; i < 50; i++) connected.send(`${i}`)
    const again = bench().probe('ROUTER')
    await again.socket.bind(url)
    const got = await again.messages.takeMany(50)
    expect(got.map(message => Number(message[1]))).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  it('onBatchEnd follows the messages of one read', async () => {
    const story: string[] = []
    const done = bench().probe('DEALER', { identity: 'd' })
    const router = bench().probe('ROUTER', {
      onMessage: message => story.push(message[1]!.toString()),
      onBatchEnd: () => story.push('end'),
    })
    done.socket.connect(await router.socket.bind('tcp://127.0.0.1:0'))
    await done.joined()
    for (const text of ['a', 'b', 'c']) done.send(text)
    await router.messages.takeMany(3)
    await done.socket.flushed()
    expect(story.slice(0, 3)).toEqual(['a', 'b', 'c'])
    expect(story.at(-1) === 'end' || story.length === 3).toBe(true)
  })
}

function publishing(bench: () => Bench): void {
  it('[74] PUB sends to those whose topic is a prefix of the first frame', async () => {
    const publisher = bench().probe('XPUB')
    const url = await publisher.socket.bind('tcp://127.0.0.1:0')
    const all = bench().probe('SUB')
    const some = bench().probe('SUB')
    all.socket.subscribe('')
    some.socket.subscribe('engine.1')
    for (const { socket } of [all, some]) socket.connect(url)
    await publisher.messages.takeMany(2)
    for (const topic of ['engine.1', 'engine.12', 'engine.2', 'engine', '']) publisher.send(topic, 'x')
    publisher.send('engine.1end')
    const seenByAll = (await all.messages.takeMany(6)).map(message => message[0]!.toString())
    expect(seenByAll).toEqual(['engine.1', 'engine.12', 'engine.2', 'engine', '', 'engine.1end'])
    const seenBySome = (await some.messages.takeMany(3)).map(message => message[0]!.toString())
    expect(seenBySome).toEqual(['engine.1', 'engine.12', 'engine.1end'])
  })

  it('XPUB is told of the first subscription to a topic and of the last cancellation', async () => {
    const { bound, connected, url } = await bench().pair('XPUB', 'SUB')
    const other = bench().probe('SUB')
    other.socket.connect(url)
    await other.joined()
    connected.socket.subscribe('a')
    expect(await bound.receive()).toEqual(['\x01a'])
    other.socket.subscribe('a')
    other.socket.subscribe('b')
    expect(await bound.receive()).toEqual(['\x01b'])
    connected.socket.unsubscribe('a')
    other.socket.unsubscribe('b')
    expect(await bound.receive()).toEqual(['\x00b'])
    other.socket.disconnect(url)
    expect(await bound.receive()).toEqual(['\x00a'])
  })

  it('SUB counts equal subscriptions, and hears until the last is cancelled', async () => {
    const { bound, connected } = await bench().pair('XPUB', 'SUB')
    connected.socket.subscribe('t')
    connected.socket.subscribe('t')
    expect(await bound.receive()).toEqual(['\x01t'])
    connected.socket.unsubscribe('t')
    bound.send('t1')
    expect(await connected.receive()).toEqual(['t1'])
    connected.socket.unsubscribe('t')
    expect(await bound.receive()).toEqual(['\x00t'])
  })

  it('XSUB subscribes by messages and talks upstream', async () => {
    const { bound, connected } = await bench().pair('XPUB', 'XSUB')
    connected.send('\x01news')
    expect(await bound.receive()).toEqual(['\x01news'])
    connected.send('hello', 'upstream')
    expect(await bound.receive()).toEqual(['hello', 'upstream'])
    bound.send('news of today')
    expect(await connected.receive()).toEqual(['news of today'])
  })

  it('SUB that listens hears publishers that connect', async () => {
    const subscriber = bench().probe('SUB')
    subscriber.socket.subscribe('')
    const url = await subscriber.socket.bind('tcp://127.0.0.1:0')
    const publisher = bench().probe('XPUB')
    publisher.socket.connect(url)
    await publisher.receive()
    publisher.send('topic', 'text')
    expect(await subscriber.receive()).toEqual(['topic', 'text'])
  })

  it('SUB subscribes again when its publisher restarted', async () => {
    const { bound, connected, url } = await bench().pair('XPUB', 'SUB')
    connected.socket.subscribe('a')
    await bound.receive()
    await bound.socket.close()
    const again = bench().probe('XPUB')
    await again.socket.bind(url)
    expect(await again.receive()).toEqual(['\x01a'])
  })

  it('SUB cannot send, and only SUB and XSUB subscribe', () => {
    expect(() => bench().probe('SUB').send('x')).toThrow(UsageError)
    expect(() => bench().probe('DEALER').socket.subscribe('x')).toThrow(UsageError)
  })
}

function backpressure(bench: () => Bench): void {
  it('send says full over the high-water mark, and nothing of it is lost', async () => {
    const options = { sendHighWaterMarkBytes: 1_000_000 }
    const { bound, connected } = await bench().pair('ROUTER', 'DEALER', {}, options)
    bound.socket.pause()
    let sent = 0
    const body = Buffer.alloc(500_000)
    for (let full = false; !full; sent++) {
      full = connected.socket.send(frames(`${sent}`, body)) === 'full'
      if (!full) await new Promise(resolve => setImmediate(resolve))
      expect(sent).toBeLessThan(1000)
    }
    let drained = false
    const waiting = connected.socket.drained().then(() => {
      drained = true
    })
    await new Promise(resolve => setImmediate(resolve))
    expect(drained).toBe(false)
    bound.socket.resume()
    await waiting
    const got = await bound.messages.takeMany(sent)
    expect(got.map(message => Number(message[1]))).toEqual(Array.from({ length: sent }, (_, i) => i))
  })

  it('DEALER without a peer says full over the high-water mark', async () => {
    const dealer = bench().probe('DEALER', { sendHighWaterMarkBytes: 1000 })
    expect(dealer.send(Buffer.alloc(900))).toBe('ok')
    expect(dealer.send(Buffer.alloc(900))).toBe('full')
    const drained = dealer.socket.drained()
    const router = bench().probe('ROUTER')
    dealer.socket.connect(await router.socket.bind('tcp://127.0.0.1:0'))
    await drained
    expect(await router.messages.takeMany(2)).toHaveLength(2)
  })

  it('a mark of 0 means none', async () => {
    const dealer = bench().probe('DEALER', { sendHighWaterMarkBytes: 0 })
    for (let i = 0; i < 100; i++) expect(dealer.send(Buffer.alloc(1_000_000))).toBe('ok')
  })

  it('PUB drops and counts for a subscriber over its mark, and for nobody else', async () => {
    const publisher = bench().probe('XPUB', { sendHighWaterMarkBytes: 1_000_000 })
    const url = await publisher.socket.bind('tcp://127.0.0.1:0')
    const slow = bench().probe('SUB')
    const fast = bench().probe('SUB')
    for (const { socket } of [slow, fast]) {
      socket.subscribe('')
      socket.connect(url)
    }
    await Promise.all([slow.joined(), fast.joined(), publisher.joined(), publisher.joined()])
    await publisher.receive()
    // The second subscription is not told, being equal; a message to both shows that it is there.
    await agree(publisher, slow, fast)
    slow.socket.pause()
    const body = Buffer.alloc(500_000)
    let sent = 0
    for (; publisher.socket.messagesDropped < 10; sent++) {
      publisher.socket.send(frames(`${sent}`, body))
      expect((await fast.receive())[0]).toBe(`${sent}`)
      expect(sent).toBeLessThan(1000)
    }
    slow.socket.resume()
    const got = await slow.messages.takeMany(sent - publisher.socket.messagesDropped)
    expect(got.map(message => Number(message[0]))).toEqual(Array.from(got, (_, i) => i))
  })

  it('pause holds back everything that was not delivered, resume goes on in order', async () => {
    const { bound, connected } = await bench().pair('ROUTER', 'DEALER', {
      onMessage: message => {
        if (message[1]!.toString() === '2') bound.socket.pause()
      },
    })
    for (let i = 0; i < 100; i++) connected.send(`${i}`)
    await bound.messages.takeMany(3)
    for (let i = 0; i < 10; i++) await new Promise(resolve => setImmediate(resolve))
    expect(bound.messages.length).toBe(0)
    bound.socket.resume()
    const rest = await bound.messages.takeMany(97)
    expect(rest.map(message => Number(message[1]))).toEqual(Array.from({ length: 97 }, (_, i) => i + 3))
  })

  it('flushed resolves once what was sent has left', async () => {
    const { bound, connected } = await bench().pair('ROUTER', 'DEALER')
    connected.send(Buffer.alloc(3_000_000))
    await connected.socket.flushed()
    expect((await bound.messages.take())[1]).toHaveLength(3_000_000)
  })

  it('flushed goes on waiting for what a lost connection gave back', async () => {
    const { bound, connected, url } = await bench().pair('ROUTER', 'DEALER')
    bound.socket.pause()
    for (let i = 0; i < 60; i++) connected.send(`${i}`, Buffer.alloc(1_000_000))
    let flushed = false
    const waiting = connected.socket.flushed().then(() => {
      flushed = true
    })
    await bound.socket.close(0)
    await connected.left()
    await new Promise(resolve => setImmediate(resolve))
    expect(flushed).toBe(false)
    const again = bench().probe('ROUTER')
    await again.socket.bind(url)
    await waiting
    await again.messages.find(message => message[1]!.toString() === '59')
  })

  it('flushed waits for a peer to come', async () => {
    const dealer = bench().probe('DEALER')
    dealer.send('early')
    let flushed = false
    const waiting = dealer.socket.flushed().then(() => {
      flushed = true
    })
    await new Promise(resolve => setImmediate(resolve))
    expect(flushed).toBe(false)
    const router = bench().probe('ROUTER')
    dealer.socket.connect(await router.socket.bind('tcp://127.0.0.1:0'))
    await waiting
    expect((await router.receive())[1]).toBe('early')
  })
}

async function agree(
  publisher: { send(text: string): unknown },
  ...subscribers: readonly { receive(): Promise<string[]>; messages: { length: number } }[]
): Promise<void> {
  const heard = Promise.all(subscribers.map(subscriber => subscriber.receive()))
  let done = false
  void heard.then(() => {
    done = true
  })
  while (!done) {
    publisher.send('agree')
    await new Promise(resolve => setImmediate(resolve))
  }
  publisher.send('agreed')
  for (const subscriber of subscribers) while ((await subscriber.receive())[0] !== 'agreed');
}

function lifetime(bench: () => Bench): void {
  it('close writes out what is queued', async () => {
    const { bound, connected } = await bench().pair('ROUTER', 'DEALER')
    for (let i = 0; i < 100; i++) connected.send(`${i}`, Buffer.alloc(50_000))
    await connected.socket.close()
    expect(await bound.messages.takeMany(100)).toHaveLength(100)
    expect((await bound.left()).type).toBe('peer_left')
  })

  it('close makes send say unroutable, and bind and connect throw', async () => {
    const { connected, url } = await bench().pair('ROUTER', 'DEALER')
    await connected.socket.close()
    expect(connected.send('late')).toBe('unroutable')
    expect(() => connected.socket.connect(url)).toThrow(UsageError)
    await expect(connected.socket.bind('tcp://127.0.0.1:0')).rejects.toThrow(UsageError)
  })

  it('close is done once, however often it is asked for', async () => {
    const { connected } = await bench().pair('ROUTER', 'DEALER')
    await Promise.all([connected.socket.close(), connected.socket.close(0), connected.socket.close()])
  })

  it('close can be called from within onMessage', async () => {
    const { bound, connected } = await bench().pair('ROUTER', 'DEALER', {
      onMessage: () => void bound.socket.close(0),
    })
    for (let i = 0; i < 100; i++) connected.send(`${i}`)
    await connected.left()
    expect(bound.messages.length).toBe(1)
  })

  it('close does not wait longer than it may for a peer that does not read', async () => {
    const { bound, connected } = await bench().pair('ROUTER', 'DEALER')
    bound.socket.pause()
    for (let i = 0; i < 60; i++) connected.send(Buffer.alloc(1_000_000))
    const beganAt = performance.now()
    await connected.socket.close(50)
    expect(performance.now() - beganAt).toBeLessThan(2000)
  })

  it('close frees the address', async () => {
    const { bound, url } = await bench().pair('ROUTER', 'DEALER')
    await bound.socket.close()
    await bench().probe('ROUTER').socket.bind(url)
  })

  it('disconnect writes out what is queued and connects no more', async () => {
    const { bound, connected, url } = await bench().pair('ROUTER', 'DEALER')
    for (let i = 0; i < 10; i++) connected.send(`${i}`)
    connected.socket.disconnect(url)
    expect(await bound.messages.takeMany(10)).toHaveLength(10)
    await bound.left()
    await connected.left()
    connected.send('waits')
    expect(bound.messages.length).toBe(0)
  })

  it('bind says which address is in use', async () => {
    const { url } = await bench().pair('ROUTER', 'DEALER')
    const second = bench().probe('ROUTER')
    await expect(second.socket.bind(url)).rejects.toThrow(ConnectionError)
    await expect(second.socket.bind(url)).rejects.toThrow(url)
  })

  it('bind and connect refuse what is no address', async () => {
    const { socket } = bench().probe('ROUTER')
    await expect(socket.bind('tcp://127.0.0.1')).rejects.toThrow(UsageError)
    expect(() => socket.connect('tcp://127.0.0.1:99999')).toThrow(UsageError)
  })

  it('a socket refuses an identity that is too long or begins with zero', () => {
    expect(() => bench().probe('DEALER', { identity: 'x'.repeat(256) })).toThrow(UsageError)
    expect(() => bench().probe('DEALER', { identity: Buffer.from([0, 1]) })).toThrow(UsageError)
  })

  it('onPeer tells who came, who went, and what was lost with them', async () => {
    const { bound, connected } = await bench().pair('ROUTER', 'DEALER', {}, { identity: 'me' })
    connected.socket.pause()
    for (let i = 0; i < 100; i++) bound.send('me', Buffer.alloc(1_000_000))
    await connected.socket.close(0)
    const left = await bound.left()
    expect(left.identity.toString()).toBe('me')
    expect(left.messagesLost).toBeGreaterThan(0)
    expect(bound.send('me', 'gone')).toBe('unroutable')
  })
}

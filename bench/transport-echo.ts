/**
 * The message path alone: a DEALER in one process, a ROUTER that echoes in another, seven-frame messages as small as
 * the system's own. Prints echoes a second with many messages under way, and the round trip of one after the other;
 * beside each the same bytes over bare `node:net`, which is what the machine can do at all.
 *
 *     node --import tsx bench/transport-echo.ts [seconds]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket as Stream } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Message } from '../src/transport/socket.ts'
import { tcpTransport } from '../src/transport/tcp.ts'

/** Delimiter, signature, header, parent header, metadata, content, one small buffer. */
const FRAME_BYTES = [9, 64, 180, 2, 2, 2, 16]
const UNDER_WAY = 2000
const BULK_BYTES = 64 * 1024 * 1024
const seconds = Number(process.argv[2] ?? 3)

interface Addresses {
  readonly zmtp: string
  readonly bare: number
}

async function serve(): Promise<void> {
  const router = tcpTransport.socket('ROUTER', { onMessage: message => router.send(message) })
  const zmtp = await router.bind('tcp://127.0.0.1:0')
  const server = createServer({ noDelay: true }, stream => {
    stream.on('data', bytes => stream.write(bytes))
    stream.on('error', () => stream.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  process.send?.({ zmtp, bare: typeof address === 'object' ? address?.port : 0 })
  process.on('disconnect', () => process.exit())
}

function makeMessage(): Message {
  return FRAME_BYTES.map(bytes => Buffer.alloc(bytes, 'x'))
}

async function manyZmtp(url: string): Promise<number> {
  let echoes = 0
  const message = makeMessage()
  let underWay = 0
  const top = () => {
    for (; underWay < UNDER_WAY; underWay++) dealer.send(message)
  }
  const dealer = tcpTransport.socket('DEALER', {
    onMessage: () => {
      echoes += 1
      underWay -= 1
    },
    onBatchEnd: top,
  })
  dealer.connect(url)
  top()
  await wait(0.5)
  const perSecond = await rate(() => echoes)
  await dealer.close(0)
  return perSecond
}

async function oneZmtp(url: string): Promise<number> {
  const message = makeMessage()
  const times: number[] = []
  let sentAt = 0
  const dealer = tcpTransport.socket('DEALER', {
    onMessage: () => {
      times.push(performance.now() - sentAt)
      next()
    },
  })
  const next = () => {
    sentAt = performance.now()
    dealer.send(message)
  }
  dealer.connect(url)
  next()
  await wait(seconds)
  await dealer.close(0)
  return medianMicros(times)
}

async function oneBare(port: number): Promise<number> {
  const bytes = Buffer.alloc(FRAME_BYTES.reduce((sum, length) => sum + length + 2, 0))
  const times: number[] = []
  let sentAt = 0
  let arrived = 0
  const stream = await connected(port)
  const next = () => {
    sentAt = performance.now()
    stream.write(bytes)
  }
  stream.on('data', chunk => {
    arrived += chunk.length
    if (arrived < bytes.length) return
    arrived = 0
    times.push(performance.now() - sentAt)
    next()
  })
  next()
  await wait(seconds)
  stream.destroy()
  return medianMicros(times)
}

/** Megabytes a second that go there and back, in messages of one large frame. */
async function bulkZmtp(url: string): Promise<number> {
  const body = Buffer.alloc(BULK_BYTES, 1)
  const head = Buffer.alloc(100)
  let echoes = 0
  const dealer = tcpTransport.socket('DEALER', {
    onMessage: () => {
      echoes += 1
      dealer.send([head, body])
    },
  })
  dealer.connect(url)
  dealer.send([head, body])
  await wait(0.5)
  const perSecond = await rate(() => echoes)
  await dealer.close(0)
  return (perSecond * BULK_BYTES) / 1e6
}

async function bulkBare(port: number): Promise<number> {
  const body = Buffer.alloc(BULK_BYTES, 1)
  let arrived = 0
  const stream = await connected(port)
  stream.on('data', chunk => {
    const before = Math.floor(arrived / BULK_BYTES)
    arrived += chunk.length
    if (Math.floor(arrived / BULK_BYTES) > before) stream.write(body)
  })
  stream.write(body)
  await wait(0.5)
  const perSecond = await rate(() => arrived / 1e6)
  stream.destroy()
  return perSecond
}

/** The same bytes in blocks, as if every message were cut and joined for nothing. */
async function manyBare(port: number): Promise<number> {
  const messageBytes = FRAME_BYTES.reduce((sum, length) => sum + length + 2, 0)
  let echoed = 0
  const stream = await connected(port)
  stream.on('data', chunk => {
    echoed += chunk.length
    stream.write(chunk)
  })
  stream.write(Buffer.alloc(messageBytes * UNDER_WAY))
  await wait(0.5)
  const perSecond = await rate(() => echoed / messageBytes)
  stream.destroy()
  return perSecond
}

async function connected(port: number): Promise<Stream> {
  const stream = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(stream, 'connect')
  return stream
}

async function rate(count: () => number): Promise<number> {
  const before = count()
  const beganAt = performance.now()
  await wait(seconds)
  return ((count() - before) / (performance.now() - beganAt)) * 1000
}

function wait(forSeconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, forSeconds * 1000))
}

function medianMicros(times: number[]): number {
  times.sort((one, other) => one - other)
  return times[times.length >> 1]! * 1000
}

async function measure(): Promise<void> {
  const server = fork(fileURLToPath(import.meta.url), ['serve'], {
    execArgv: [...process.execArgv, ...(process.env.SERVER_FLAGS?.split(' ') ?? [])],
  })
  const [{ zmtp, bare }] = (await once(server, 'message')) as [Addresses]
  const figures = {
    echoesPerSecond: Math.round(await manyZmtp(zmtp)),
    bareEchoesPerSecond: Math.round(await manyBare(bare)),
    roundTripMicros: Math.round(await oneZmtp(zmtp)),
    bareRoundTripMicros: Math.round(await oneBare(bare)),
    bulkMegabytesPerSecond: Math.round(await bulkZmtp(zmtp)),
    bareBulkMegabytesPerSecond: Math.round(await bulkBare(bare)),
  }
  console.log(JSON.stringify(figures))
  server.disconnect()
}

if (process.argv[2] === 'serve') await serve()
else await measure()

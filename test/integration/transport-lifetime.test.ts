import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tcpTransport } from '../../src/transport/tcp.ts'
import { RawListener, RawPeer } from '../common/transport-raw.ts'
import { Bench } from '../common/transport-tools.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/transport/${name}`, import.meta.url))

let bench: Bench
beforeEach(() => {
  bench = new Bench(tcpTransport)
})
afterEach(() => bench.close())

it('a process whose sockets are all closed ends by itself, with nothing left open', async () => {
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['--import', 'tsx', fixture('lifetime.ts')], {
    timeout: 20_000,
  })
  expect(JSON.parse(stdout)).toEqual([])
})

it('a socket works in a worker thread', async () => {
  const file = JSON.stringify(pathToFileURL(fixture('thread.ts')).href)
  const code = `import('tsx/esm/api').then(({ tsImport }) => tsImport(${file}, ${file}))`
  const worker = new Worker(code, { eval: true })
  const [url] = await once(worker, 'message')
  const dealer = bench.probe('DEALER')
  dealer.socket.connect(url)
  const big = 'x'.repeat(1_000_000)
  dealer.send('hello', big)
  expect(await dealer.receive()).toEqual(['hello', big])
  const closed = once(worker, 'message')
  worker.postMessage('close')
  await closed
  await worker.terminate()
})

it('a listening port is given up by close, while its connections still linger', async () => {
  const router = bench.probe('ROUTER')
  const url = await router.socket.bind('tcp://127.0.0.1:0')
  const peer = await RawPeer.opened(url, 'DEALER')
  await router.socket.close()
  await peer.closed
  await expect(RawPeer.connect(url)).rejects.toThrow('ECONNREFUSED')
})

it('DEALER keeps what the system did not take when its connection is lost, and sends it to the next', async () => {
  const listener = new RawListener()
  const dealer = bench.probe('DEALER')
  const url = await listener.listen()
  dealer.socket.connect(url)
  const deaf = await listener.peer()
  deaf.greet()
  deaf.ready('ROUTER')
  await dealer.joined()
  deaf.stream.pause()
  const body = Buffer.alloc(1_000_000)
  for (let i = 0; i < 50; i++) dealer.socket.send([Buffer.from(`${i}`), body])
  // Some of it goes into the system's buffers; wait until no more does.
  let before = -1
  for (let taken = 0; taken !== before; taken = deaf.stream.bytesRead) {
    before = taken
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  deaf.close()
  await listener.close()
  await dealer.left()
  const router = bench.probe('ROUTER')
  await router.socket.bind(url)
  await dealer.socket.flushed()
  const numbers: number[] = []
  while (numbers.at(-1) !== 49) numbers.push(Number((await router.messages.take())[1]))
  expect(numbers.length).toBeGreaterThan(10)
  expect(numbers).toEqual(Array.from(numbers, (_, i) => 50 - numbers.length + i))
})

it('close waits for a bind that is under way', async () => {
  const first = bench.probe('ROUTER')
  const binding = first.socket.bind('tcp://127.0.0.1:0')
  const closing = first.socket.close()
  const url = await binding
  await closing
  await expect(RawPeer.connect(url)).rejects.toThrow('ECONNREFUSED')
})

it('connecting is tried again and again while nobody listens', async () => {
  const listener = new RawListener()
  const url = await listener.listen()
  await listener.close()
  const dealer = bench.probe('DEALER', { reconnect: { minMs: 1, maxMs: 10 } })
  dealer.socket.connect(url)
  await new Promise(resolve => setTimeout(resolve, 50))
  const router = bench.probe('ROUTER')
  await router.socket.bind(url)
  await dealer.joined()
})

it('bind says what to do about an address that this machine does not have', async () => {
  const { socket } = bench.probe('ROUTER')
  await expect(socket.bind('tcp://203.0.113.1:0')).rejects.toThrow('this machine has no such address')
})

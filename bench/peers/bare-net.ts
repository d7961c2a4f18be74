import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { doubles, samples, serve, timed } from '../serve.ts'

/**
 * `node:net` with nothing on it, as the measure of what the machine gives. `latency` is the echo of a small message by
 * another process; the others move the same bytes as ours through a middle process, and nobody looks at them.
 */
const children: ChildProcess[] = []

/** Starts bare-net-end.ts in a process of its own and waits until it listens. */
async function end(role: 'echo' | 'sink' | 'relay', ...args: string[]): Promise<number> {
  const file = fileURLToPath(new URL('./bare-net-end.ts', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, file, role, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  const [port] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
  return Number(port)
}

async function connect(port: number): Promise<Socket> {
  const socket = createConnection({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  return socket
}

/** Sends `data` and asks for `bytesBack` bytes; resolves when they are all here. */
function exchange(socket: Socket, data: Uint8Array, bytesBack: number): Promise<void> {
  const header = Buffer.alloc(16)
  header.writeDoubleLE(data.byteLength, 0)
  header.writeDoubleLE(bytesBack, 8)
  return new Promise(resolve => {
    let bytesLeft = bytesBack
    socket.on('data', function count(chunk: Buffer) {
      bytesLeft -= chunk.byteLength
      if (bytesLeft > 0) return
      socket.off('data', count)
      resolve()
    })
    socket.cork()
    socket.write(header)
    if (data.byteLength > 0) socket.write(data)
    socket.uncork()
  })
}

let echo: Promise<Socket> | undefined
let through: Promise<Socket[]> | undefined

/** The connections through the middle process, opened once. */
function relayed(engines: number): Promise<Socket[]> {
  through ??= openRelayed(engines)
  return through
}

/** Connections through one middle process to `engines` sinks, a process each. */
async function openRelayed(engines: number): Promise<Socket[]> {
  const sinks = await Promise.all(Array.from({ length: engines }, () => end('sink')))
  const relay = await end('relay', ...sinks.map(String))
  // The relay's n-th connection goes to the n-th sink, so they are made one after the other.
  const sockets: Socket[] = []
  for (const _ of sinks) sockets.push(await connect(relay))
  return sockets
}

const NOTHING = new Uint8Array(0)
const bytesOf = (array: Float64Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

await serve(
  process.versions.node,
  {
    latency: async count => {
      echo ??= end('echo').then(connect)
      const socket = await echo
      const message = Buffer.alloc(64)
      return samples(count, () => {
        const back = once(socket, 'data')
        socket.write(message)
        return back
      })
    },
    push: async (mib, engines) => {
      const [socket] = await relayed(engines)
      const data = bytesOf(doubles(mib))
      return [await timed(() => exchange(socket!, data, 1))]
    },
    pull: async (mib, engines) => {
      const [socket] = await relayed(engines)
      return [await timed(() => exchange(socket!, NOTHING, mib * 2 ** 20))]
    },
    'scatter-gather': async (mib, engines) => {
      const sockets = await relayed(engines)
      const pieceBytes = (mib * 2 ** 20) / sockets.length
      const data = bytesOf(doubles(mib))
      return [
        await timed(() =>
          Promise.all(
            sockets.map((socket, i) =>
              exchange(socket, data.subarray(i * pieceBytes, (i + 1) * pieceBytes), pieceBytes),
            ),
          ),
        ),
      ]
    },
  },
  async () => {
    for (const socket of [await echo, ...((await through) ?? [])]) socket?.destroy()
    for (const child of children) child.stdin!.end()
  },
)

import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'

/**
 * The far processes of bare-net.ts. `echo` sends back what comes; `sink` takes as many bytes as the header says and
 * sends as many as it asks for; `relay` pipes its n-th connection to the n-th port of its arguments, both ways.
 * Prints its port, and ends with its stdin.
 */
const [role, ...ports] = process.argv.slice(2)

function echo(socket: Socket): void {
  socket.on('data', chunk => socket.write(chunk))
}

function sink(socket: Socket): void {
  let bytesLeft = 0
  let answer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    let bytes = chunk.byteLength
    if (bytesLeft === 0) {
      bytesLeft = chunk.readDoubleLE(0)
      // Memory that was written to once: the first touch of a fresh page is not what is measured.
      const bytesBack = chunk.readDoubleLE(8)
      if (answer.byteLength !== bytesBack) answer = Buffer.alloc(bytesBack, 1)
      bytes -= 16
    }
    bytesLeft -= bytes
    if (bytesLeft === 0) socket.write(answer)
  })
}

let accepted = 0
function relay(near: Socket): void {
  const far = createConnection({ host: '127.0.0.1', port: Number(ports[accepted++]), noDelay: true })
  near.pipe(far).pipe(near)
}

const roles: Record<string, (socket: Socket) => void> = { echo, sink, relay }
const server = createServer({ noDelay: true }, socket => {
  socket.on('error', () => socket.destroy())
  roles[role!]!(socket)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
console.log((server.address() as AddressInfo).port)
process.stdin.resume().once('end', () => process.exit(0))

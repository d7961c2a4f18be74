import { once } from 'node:events'
import { connect, createServer, type Server, type Socket as Stream } from 'node:net'
import { GREETING } from '../../src/transport/state/greeting.ts'

/** A peer that says exactly the bytes it is told to. */
export class RawPeer {
  readonly stream: Stream
  readonly closed: Promise<void>
  #received = Buffer.alloc(0)
  #wake: (() => void) | undefined

  constructor(stream: Stream) {
    this.stream = stream
    stream.on('error', () => {})
    stream.on('data', bytes => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#wake?.()
    })
    this.closed = new Promise(resolve => stream.once('close', () => resolve()))
  }

  static async connect(url: string): Promise<RawPeer> {
    const { hostname, port } = new URL(url)
    const stream = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(stream, 'connect')
    return new RawPeer(stream)
  }

  /** One that is through the handshake as a peer of `type`. */
  static async opened(url: string, type: string, minor = 1): Promise<RawPeer> {
    const peer = await RawPeer.connect(url)
    peer.greet(minor)
    peer.ready(type)
    await peer.until(text => text.includes('READY'))
    return peer
  }

  write(bytes: string | Buffer): void {
    this.stream.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  greet(minor = 1): void {
    const greeting = Buffer.from(GREETING)
    greeting[11] = minor
    this.write(greeting)
  }

  ready(type: string, identity?: string): void {
    let body = `\x05READY\x0bSocket-Type\0\0\0${String.fromCharCode(type.length)}${type}`
    if (identity !== undefined) body += `\x08Identity\0\0\0${String.fromCharCode(identity.length)}${identity}`
    this.write(`\x04${String.fromCharCode(body.length)}${body}`)
  }

  /** What came after the first `bytes`, as latin1 text. */
  since(bytes: number): string {
    return this.#received.toString('latin1', bytes)
  }

  /** Waits until everything received satisfies `enough`. */
  async until(enough: (text: string) => boolean): Promise<string> {
    for (;;) {
      const text = this.#received.toString('latin1')
      if (enough(text)) return text
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  close(): void {
    this.stream.destroy()
  }
}

/** Listens for one of our sockets to connect. */
export class RawListener {
  readonly #server: Server
  readonly #peers: RawPeer[] = []
  #wake: (() => void) | undefined

  constructor() {
    this.#server = createServer({ noDelay: true }, stream => {
      this.#peers.push(new RawPeer(stream))
      this.#wake?.()
    })
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    return `tcp://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  }

  async peer(): Promise<RawPeer> {
    for (;;) {
      const peer = this.#peers.shift()
      if (peer !== undefined) return peer
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  async close(): Promise<void> {
    for (const peer of this.#peers) peer.close()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

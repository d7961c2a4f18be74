import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type Deferred, deferred } from '../../src/base/deferred.ts'

/** Which way bytes go: to the one that listens, or back to the one that called. */
export type Direction = 'forth' | 'back'

interface Hold {
  readonly direction: Direction
  readonly bytes: number
  readonly onHeld: Deferred<void>
  readonly counts: Map<Socket, number>
  held: Socket | undefined
}

/** Stands between two ends of TCP connections, keeps what it is told to keep, and breaks. */
export class BreakableProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #swallowed: Direction | undefined
  #onSwallowed = deferred<void>()
  #hold: Hold | undefined

  private constructor(port: number) {
    this.#server = createServer(caller => this.#join(caller, connect(port, '127.0.0.1')))
  }

  static async start(port: number): Promise<BreakableProxy> {
    const proxy = new BreakableProxy(port)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Passes nothing on in this direction until the connections break. @returns when there was something. */
  swallow(direction: Direction): Promise<void> {
    this.#swallowed = direction
    this.#onSwallowed = deferred<void>()
    return this.#onSwallowed.promise
  }

  /**
   * Of the first connection on which more than so many bytes go this way, nothing more is passed on until it breaks.
   *
   * @returns when that is so.
   */
  hold(direction: Direction, bytes: number): Promise<void> {
    const onHeld = deferred<void>()
    this.#hold = { direction, bytes, onHeld, counts: new Map(), held: undefined }
    return onHeld.promise
  }

  /** Resolves when so many have called from now on. */
  callers(number: number): Promise<void> {
    const called = deferred<void>()
    let left = number
    const onCall = (): void => {
      left -= 1
      if (left > 0) return
      this.#server.off('connection', onCall)
      called.resolve()
    }
    this.#server.on('connection', onCall)
    return called.promise
  }

  /** Breaks all connections, and lets new ones pass. */
  break(): void {
    this.#swallowed = undefined
    this.#hold = undefined
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.break()
    await closed
  }

  #join(caller: Socket, listener: Socket): void {
    this.#pipe(caller, listener, 'forth')
    this.#pipe(listener, caller, 'back')
  }

  #pipe(from: Socket, to: Socket, direction: Direction): void {
    this.#sockets.add(from)
    from.setNoDelay(true)
    from.on('data', bytes => {
      if (this.#swallowed === direction) this.#onSwallowed.resolve()
      else if (!this.#isHeld(from, direction, bytes.length)) to.write(bytes)
    })
    // Whatever ends one of the two ends both.
    from.on('error', () => {})
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
  }

  #isHeld(from: Socket, direction: Direction, bytes: number): boolean {
    const hold = this.#hold
    if (hold?.direction !== direction) return false
    if (hold.held !== undefined) return hold.held === from
    const count = (hold.counts.get(from) ?? 0) + bytes
    hold.counts.set(from, count)
    if (count <= hold.bytes) return false
    hold.held = from
    hold.onHeld.resolve()
    return true
  }
}

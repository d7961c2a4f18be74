import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { SocketType } from '../../src/transport/socket.ts'
import { DEBIAN_PYTHON } from '../support/needs.ts'
import { Inbox } from './transport-tools.ts'

const SCRIPT = fileURLToPath(new URL('../fixtures/transport/peer.py', import.meta.url))

/** A Python process with libzmq's own sockets in it. */
export class LibzmqPeer {
  readonly #process: ChildProcess
  readonly #answers = new Inbox<{ value?: unknown; error?: string }>()

  constructor() {
    this.#process = spawn(DEBIAN_PYTHON, [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface(this.#process.stdout!).on('line', line => this.#answers.put(JSON.parse(line)))
    this.#process.once('exit', code => this.#answers.put({ error: `the Python peer ended with ${code}` }))
  }

  async #ask(op: string, request: Record<string, unknown>): Promise<unknown> {
    this.#process.stdin!.write(`${JSON.stringify({ op, ...request })}\n`)
    const { value, error } = await this.#answers.take()
    if (error !== undefined) throw new Error(`${op}: ${error}`)
    return value
  }

  make(
    name: string,
    type: SocketType | 'REQ' | 'REP',
    options: { identity?: string; heartbeat?: number } = {},
  ) {
    return this.#ask('make', { name, type, ...options })
  }

  async bind(name: string, url = 'tcp://127.0.0.1:*'): Promise<string> {
    return (await this.#ask('bind', { name, url })) as string
  }

  connect(name: string, url: string) {
    return this.#ask('connect', { name, url })
  }

  send(name: string, ...frames: string[]) {
    return this.#ask('send', { name, frames })
  }

  /** The next message; fails when none comes within seconds. */
  async receive(name: string): Promise<string[]> {
    const [message] = await this.receiveMany(name, 1)
    if (message === undefined) throw new Error(`nothing came to ${name}`)
    return message
  }

  async receiveMany(name: string, count: number, timeoutMs = 8000): Promise<string[][]> {
    return (await this.#ask('receive', { name, count, timeout_ms: timeoutMs })) as string[][]
  }

  echo(name: string, count: number) {
    return this.#ask('echo', { name, count })
  }

  flood(name: string, count: number, ...frames: string[]) {
    return this.#ask('flood', { name, count, frames })
  }

  subscribe(name: string, topic: string) {
    return this.#ask('subscribe', { name, topic })
  }

  unsubscribe(name: string, topic: string) {
    return this.#ask('unsubscribe', { name, topic })
  }

  close(name: string) {
    return this.#ask('close', { name })
  }

  /** As a crash would end it. */
  async kill(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.stdin!.end()
    await ended
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Command } from './roster.ts'

/** What the harness asks of a peer. */
export interface Question {
  readonly workload: string
  readonly count: number
  readonly engines: number
  /** Seconds that each task is to keep its engine busy, where the workload is about that. */
  readonly taskSeconds?: number
}

/** What a peer says: about itself first, then one answer a question. */
interface Answer {
  readonly version?: string
  readonly missing?: string
  readonly seconds?: readonly number[]
  readonly failed?: string
}

/** This peer is not installed here; everything it would have measured is reported as missing. */
export class PeerMissing extends Error {}

/** Long enough for the slowest peer's cluster to start and one round to run. */
const ANSWER_MS_MAX = 180_000
/** How long a peer may take to close its cluster before it is asked again, and then before it is killed. */
const CLOSE_MS_MAX = 10_000

/** A peer's process seen from the harness: questions on its stdin, answers from its descriptor 3, a line each. */
export class Peer {
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>
  readonly #ended: Promise<void>
  #stderr = ''
  version = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#answers = createInterface({ input: child.stdio[3] as Readable })[Symbol.asyncIterator]()
    this.#ended = new Promise(resolve => child.once('exit', () => resolve()))
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-2_000)
    })
    // A peer that died is noticed by the end of its answers; the broken pipe says nothing more.
    child.stdin!.on('error', () => {})
  }

  /** Starts the program and waits for its first word. @throws PeerMissing where it is not installed. */
  static async start(command: Command): Promise<Peer> {
    const child = spawn(command.file, command.args, {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    })
    const spawned = new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', error => reject(new PeerMissing(error.message)))
    })
    await spawned
    const peer = new Peer(child)
    const { version, missing } = await peer.#answer()
    if (missing !== undefined) throw new PeerMissing(missing)
    peer.version = version ?? ''
    return peer
  }

  /** Has one round measured. @returns the seconds of its samples. */
  async measure(question: Question): Promise<readonly number[]> {
    this.#child.stdin!.write(`${JSON.stringify(question)}\n`)
    const { seconds, failed } = await this.#answer()
    if (seconds === undefined) throw new Error(failed ?? 'the peer gave no seconds')
    return seconds
  }

  /** Ends the process: it closes its own cluster when its stdin ends, is asked again if that takes long, then killed. */
  async close(): Promise<void> {
    this.#child.stdin!.end()
    const timers = [
      setTimeout(() => this.#child.kill('SIGTERM'), CLOSE_MS_MAX),
      setTimeout(() => this.#child.kill('SIGKILL'), 2 * CLOSE_MS_MAX),
    ]
    await this.#ended
    for (const timer of timers) clearTimeout(timer)
  }

  async #answer(): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS_MAX / 1000} s`)), ANSWER_MS_MAX)
    })
    try {
      const line = await Promise.race([this.#answers.next(), late])
      if (line.done) throw new Error(`the peer's process ended: ${this.#stderr.trim() || 'it said nothing'}`)
      return JSON.parse(line.value) as Answer
    } finally {
      clearTimeout(timer)
    }
  }
}

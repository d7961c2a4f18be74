import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { FromIoThread, IoThreadData, ToIoThread } from './io-messages.ts'
import { SharedState } from './shared-state.ts'

/** The main thread's end of the io thread. */
export class IoLink {
  readonly shared = new SharedState()
  readonly #port: MessagePort
  readonly #worker: Worker
  #onMessage: (message: FromIoThread) => void = () => {}
  #inboxCount = 0

  constructor(data: Omit<IoThreadData, 'shared' | 'port'>, onFailure: (error: Error) => void) {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    // Compiled code lies beside this file; run from source, so does the source.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    this.#worker = new Worker(new URL(`./io-thread.${extension}`, import.meta.url), {
      name: 'itsparallel io',
      workerData: { ...data, shared: this.shared.buffer, port: port2 } satisfies IoThreadData,
      transferList: [port2],
      // Output passes through it, bounded; the rest is small.
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    })
    this.#worker.on('error', onFailure)
    port1.on('message', (message: FromIoThread) => this.#onMessage(message))
  }

  listen(onMessage: (message: FromIoThread) => void): void {
    this.#onMessage = onMessage
  }

  post(message: ToIoThread): void {
    this.#port.postMessage(message)
  }

  /** Takes in messages that have come while this thread did not reach its event loop, if an urgent one is among them. */
  readUrgent(): void {
    const count = this.shared.inboxCount
    if (count === this.#inboxCount) return
    this.#inboxCount = count
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { message: FromIoThread } | undefined
      if (received === undefined) return
      this.#onMessage(received.message)
    }
  }

  async close(): Promise<void> {
    this.#port.close()
    await this.#worker.terminate()
  }
}

import type { Output } from './outputs.ts'
import type { RequestRecord } from './request-record.ts'

/** An output, and where it came from. */
export type EngineOutput = Output & {
  /** The engine; undefined where its number is not known (any more). */
  readonly engineId: number | undefined
  readonly msgId: string
}

export function located(output: Output, { engineId, msgId }: RequestRecord): EngineOutput {
  return { ...output, engineId, msgId }
}

/** Outputs as they come, for one reader. What is not read yet is kept. */
export class OutputStream implements AsyncIterable<EngineOutput> {
  readonly #queue: EngineOutput[]
  #wake: (() => void) | undefined
  #ended = false

  /** @param earlier - what came before anybody asked. */
  constructor(earlier: EngineOutput[]) {
    this.#queue = earlier
  }

  push(output: EngineOutput): void {
    this.#queue.push(output)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EngineOutput, void, undefined> {
    for (;;) {
      yield* this.#queue.splice(0)
      if (this.#queue.length > 0) continue
      if (this.#ended) return
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}

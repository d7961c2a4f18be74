import type { Envelope } from '../../protocol/envelope.ts'
import { answerQuestion, type RecordAnswer, type RecordQuestion } from '../state/record-questions.ts'
import { Records, type RecordWriter } from '../state/records.ts'
import { WireError } from '../state/wire-error.ts'

/** Where a controller keeps its records. Writing never waits; an answer may take its time. */
export interface RecordStore extends RecordWriter {
  /**
   * Answers from everything that was noted before.
   *
   * @throws WireError, or rejects with it, when there is no answer.
   */
  ask(question: RecordQuestion): RecordAnswer | Promise<RecordAnswer>
  /** Resolves when everything noted is where it is to stay. */
  close(): Promise<void>
}

/** In this process's memory: the fastest, and gone with it. */
export class MemoryStore extends Records implements RecordStore {
  ask(question: RecordQuestion): RecordAnswer {
    return answerQuestion(question, this)
  }

  async close(): Promise<void> {}
}

/** Nowhere: nothing that was sent or given is remembered. */
export class NoStore implements RecordStore {
  submitted(_msgId: string, _request: Envelope): void {}
  assigned(): void {}
  finished(): void {}
  output(): void {}

  ask(): never {
    throw new WireError(
      'RuntimeError',
      'this controller keeps no records: it was started with --records=none',
    )
  }

  async close(): Promise<void> {}
}

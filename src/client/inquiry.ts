import { deferred } from '../base/deferred.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { addRecord, type RecordOwner, type RequestRecord, settled } from './request-record.ts'

/** A question to the hub or an engine's control side: one request, whose answer is its reply. */
export class Inquiry implements RecordOwner {
  readonly #answer = deferred<Envelope>()

  get answer(): Promise<Envelope> {
    return this.#answer.promise
  }

  [addRecord](): void {}

  [settled](record: RequestRecord): void {
    try {
      this.#answer.resolve(record.take() as Envelope)
    } catch (error) {
      this.#answer.reject(error)
    }
  }
}

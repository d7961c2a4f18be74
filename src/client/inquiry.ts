import { deferred } from '../base/deferred.ts'
import { addRecord, type RecordOwner, type RequestRecord, settled } from './request-record.ts'

/** A question to the hub or an engine's control side: one request, whose answer is the content of its reply. */
export class Inquiry implements RecordOwner {
  readonly #answer = deferred<Readonly<Record<string, unknown>>>()

  get answer(): Promise<Readonly<Record<string, unknown>>> {
    return this.#answer.promise
  }

  [addRecord](): void {}

  [settled](record: RequestRecord): void {
    try {
      this.#answer.resolve(record.take() as Readonly<Record<string, unknown>>)
    } catch (error) {
      this.#answer.reject(error)
    }
  }
}

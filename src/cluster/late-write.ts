/** Many jobs come and go at once: a file about them is written once, at the end of the turn, for all of them. */
export class LateWrite {
  readonly #write: () => void
  #isPending = false
  #isClosed = false

  constructor(write: () => void) {
    this.#write = write
  }

  /** What is to be written has changed. */
  soon(): void {
    if (this.#isPending) return
    this.#isPending = true
    setImmediate(() => {
      this.#isPending = false
      if (!this.#isClosed) this.#write()
    })
  }

  /** It is not written again. */
  close(): void {
    this.#isClosed = true
  }
}

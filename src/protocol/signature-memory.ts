/** How many characters of a signature tell it from every other: 96 bits. */
const REMEMBERED_CHARS = 24

/**
 * Remembers the signatures that were accepted, so that no message is accepted twice. Holds at least the last
 * `signaturesMax` in two generations: when the younger is full, the elder is forgotten at once and without a scan.
 */
export class SignatureMemory {
  #young = new Set<string>()
  #old = new Set<string>()
  readonly #signaturesMax: number

  constructor(signaturesMax = 65_536) {
    this.#signaturesMax = signaturesMax
  }

  has(signature: Buffer): boolean {
    const key = signature.toString('latin1', 0, REMEMBERED_CHARS)
    return this.#young.has(key) || this.#old.has(key)
  }

  /** Remembers `signature`; false when it was there already. */
  add(signature: Buffer): boolean {
    const key = signature.toString('latin1', 0, REMEMBERED_CHARS)
    if (this.#young.has(key) || this.#old.has(key)) return false
    if (this.#young.size >= this.#signaturesMax) {
      this.#old = this.#young
      this.#young = new Set()
    }
    this.#young.add(key)
    return true
  }
}

/** Words of 32 bits that are kept of a signature: 96 bits, from its first 24 hex digits. */
const WORDS = 3
const SLOTS_MIN = 1024

/**
 * Remembers the signatures that were accepted, so that no message is accepted twice. Holds at least the last
 * `signaturesMax` in two generations: when the younger is full, the elder is forgotten at once and without a scan.
 *
 * Every message passes here at every hop, so the signatures lie as numbers in a table of open addressing: a set of
 * strings costs ten times as much, most of it for making them and for the collector.
 */
export class SignatureMemory {
  #young = new Generation()
  #old = new Generation()
  readonly #signaturesMax: number

  constructor(signaturesMax = 65_536) {
    this.#signaturesMax = signaturesMax
  }

  has(signature: Buffer): boolean {
    readWords(signature)
    return this.#young.has() || this.#old.has()
  }

  /** Remembers `signature`; false when it was there already. */
  add(signature: Buffer): boolean {
    readWords(signature)
    if (this.#young.has() || this.#old.has()) return false
    if (this.#young.size >= this.#signaturesMax) {
      this.#old = this.#young
      this.#young = new Generation()
    }
    this.#young.add()
    return true
  }
}

// The words of the signature in hand: handing three numbers around would cost an object a message.
let first = 0
let second = 0
let third = 0

function readWords(signature: Buffer): void {
  first = hexWord(signature, 0)
  second = hexWord(signature, 8)
  third = hexWord(signature, 16)
}

/** Eight hex digits as a number; what is no digit gives some number all the same. */
function hexWord(text: Buffer, at: number): number {
  let word = 0
  for (let i = at; i < at + 8; i++) {
    const code = text[i] ?? 0
    word = (word << 4) | ((code & 15) + (code >> 6) * 9)
  }
  return word | 0
}

/** A set of signatures. A slot whose words are all zero is empty: no digest in this universe begins with 96 zero bits. */
class Generation {
  size = 0
  #slots = SLOTS_MIN
  #words = new Int32Array(SLOTS_MIN * WORDS)

  has(): boolean {
    return this.#find(first, second, third, this.#words, this.#slots) === -1
  }

  add(): void {
    if (this.size * 2 >= this.#slots) this.#grow()
    const at = this.#find(first, second, third, this.#words, this.#slots)
    if (at === -1) return
    this.#words[at] = first
    this.#words[at + 1] = second
    this.#words[at + 2] = third
    this.size += 1
  }

  /** Where these words belong; -1 when they are there. */
  #find(a: number, b: number, c: number, words: Int32Array, slots: number): number {
    for (let slot = a & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
      const at = slot * WORDS
      const x = words[at]!
      const y = words[at + 1]!
      const z = words[at + 2]!
      if (x === a && y === b && z === c) return -1
      if ((x | y | z) === 0) return at
    }
  }

  #grow(): void {
    const slots = this.#slots * 2
    const words = new Int32Array(slots * WORDS)
    for (let at = 0; at < this.#words.length; at += WORDS) {
      const [a, b, c] = [this.#words[at]!, this.#words[at + 1]!, this.#words[at + 2]!]
      if ((a | b | c) === 0) continue
      const to = this.#find(a, b, c, words, slots)
      words[to] = a
      words[to + 1] = b
      words[to + 2] = c
    }
    this.#slots = slots
    this.#words = words
  }
}

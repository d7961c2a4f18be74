interface Edit {
  readonly start: number
  readonly end: number
  readonly by: string
}

/** A text and what shall become of parts of it. The parts must not overlap; positions are those of the original. */
export class TextEdits {
  readonly #text: string
  readonly #edits: Edit[] = []

  constructor(text: string) {
    this.#text = text
  }

  /** Replaces a part; an empty one is an insertion, before what is replaced there. */
  replace(start: number, end: number, by: string): void {
    this.#edits.push({ start, end, by })
  }

  toString(): string {
    let result = ''
    let at = 0
    for (const { start, end, by } of this.#edits.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
      result += this.#text.slice(at, start) + by
      at = end
    }
    return result + this.#text.slice(at)
  }
}

/** How many happenings are kept; older ones are overwritten. */
const HAPPENINGS_MAX = 4096

/**
 * The last things that happened in a machine, so that the life of one message can be told. Writing costs three stores
 * into a ring and makes no garbage, so it is always on.
 */
export class Story {
  readonly #ids: string[] = []
  readonly #happenings: string[] = []
  readonly #details: string[] = []
  #next = 0

  tell(msgId: string, what: string, detail = ''): void {
    const at = this.#next
    this.#ids[at] = msgId
    this.#happenings[at] = what
    this.#details[at] = detail
    this.#next = at + 1 === HAPPENINGS_MAX ? 0 : at + 1
  }

  /** What is still known of `msgId`, oldest first. */
  of(msgId: string): string[] {
    const told: string[] = []
    for (let i = 0; i < this.#ids.length; i++) {
      const at = this.#ids.length < HAPPENINGS_MAX ? i : (this.#next + i) % HAPPENINGS_MAX
      if (this.#ids[at] !== msgId) continue
      const detail = this.#details[at]!
      told.push(detail === '' ? this.#happenings[at]! : `${this.#happenings[at]!} ${detail}`)
    }
    return told
  }
}

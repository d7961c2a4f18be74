/**
 * The topics one subscriber asked for, as a counted set of prefixes: asking twice needs cancelling twice.
 *
 * A lookup costs one hash for each distinct length among the topics, which beats a tree of nodes for the few lengths
 * that occur (engine ids, uuids, and above all the empty topic, which matches everything at no cost).
 */
export class TopicSet {
  /** Topics by their length, then by their bytes as latin1 text. */
  readonly #byLength = new Map<number, Map<string, number>>()
  #size = 0
  #bytes = 0

  /** How many different topics there are. */
  get size(): number {
    return this.#size
  }

  /** What their texts take. */
  get bytes(): number {
    return this.#bytes
  }

  /** @returns whether the topic is new in the set. */
  add(topic: Buffer): boolean {
    let topics = this.#byLength.get(topic.length)
    if (topics === undefined) {
      topics = new Map()
      this.#byLength.set(topic.length, topics)
    }
    const key = topic.toString('latin1')
    const count = topics.get(key) ?? 0
    topics.set(key, count + 1)
    if (count > 0) return false
    this.#size += 1
    this.#bytes += topic.length
    return true
  }

  /** @returns whether the topic is now gone from the set; false where it never was in it. */
  delete(topic: Buffer): boolean {
    const topics = this.#byLength.get(topic.length)
    const key = topic.toString('latin1')
    const count = topics?.get(key)
    if (topics === undefined || count === undefined) return false
    if (count > 1) {
      topics.set(key, count - 1)
      return false
    }
    topics.delete(key)
    if (topics.size === 0) this.#byLength.delete(topic.length)
    this.#size -= 1
    this.#bytes -= topic.length
    return true
  }

  /** Whether one of the topics is a prefix of `text`. */
  matches(text: Buffer): boolean {
    for (const [length, topics] of this.#byLength) {
      if (length === 0) return true
      if (length <= text.length && topics.has(text.toString('latin1', 0, length))) return true
    }
    return false
  }

  *[Symbol.iterator](): Iterator<Buffer> {
    for (const topics of this.#byLength.values()) {
      for (const key of topics.keys()) yield Buffer.from(key, 'latin1')
    }
  }
}

/** First in, first out, in constant time: a ring that doubles when it is full. */
export class Queue<T> implements Iterable<T> {
  #ring: (T | undefined)[] = new Array(16)
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(item: T): void {
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item
    this.#length += 1
  }

  /** Puts an item back where `shift` takes from. */
  unshift(item: T): void {
    if (this.#length === this.#ring.length) this.#grow()
    this.#head = (this.#head - 1) & (this.#ring.length - 1)
    this.#ring[this.#head] = item
    this.#length += 1
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head]
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#length -= 1
    return item
  }

  clear(): void {
    this.#ring = new Array(16)
    this.#head = 0
    this.#length = 0
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = 0; i < this.#length; i++) yield this.#ring[(this.#head + i) & (this.#ring.length - 1)] as T
  }

  #grow(): void {
    const items = [...this]
    this.#ring = new Array(this.#ring.length * 2)
    for (let i = 0; i < items.length; i++) this.#ring[i] = items[i]
    this.#head = 0
  }
}

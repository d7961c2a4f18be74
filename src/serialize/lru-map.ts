/** A map of bounded size: when it is full, what was not asked for longest is dropped. */
export class LruMap<Key, Value> {
  readonly #map = new Map<Key, Value>()
  readonly #entriesMax: number

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax
  }

  get(key: Key): Value | undefined {
    const value = this.#map.get(key)
    if (value === undefined) return undefined
    // Re-inserting puts it last. Small maps that are not full need no order.
    if (this.#map.size * 2 > this.#entriesMax) {
      this.#map.delete(key)
      this.#map.set(key, value)
    }
    return value
  }

  set(key: Key, value: Value): void {
    this.#map.delete(key)
    if (this.#map.size >= this.#entriesMax) this.#map.delete(this.#map.keys().next().value as Key)
    this.#map.set(key, value)
  }
}

/** What a heap can hold: a thing that remembers where it lies in it; -1 while it is in none. */
export interface HeapItem {
  heapAt: number
}

/** A binary heap whose items can be removed, and moved after their key changed, in logarithmic time. */
export class IndexedHeap<T extends HeapItem> {
  readonly #items: T[] = []
  readonly #before: (a: T, b: T) => boolean

  /** @param before - whether `a` comes out before `b`; a strict order. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    item.heapAt = this.#items.length
    this.#items.push(item)
    this.#up(item)
  }

  /** Does nothing for an item that is not in the heap. */
  remove(item: T): void {
    const at = item.heapAt
    if (at === -1) return
    item.heapAt = -1
    const last = this.#items.pop()!
    if (last === item) return
    this.#items[at] = last
    last.heapAt = at
    this.moved(last)
  }

  /** Puts an item where it now belongs, after its key changed. */
  moved(item: T): void {
    this.#up(item)
    this.#down(item)
  }

  #up(item: T): void {
    const items = this.#items
    let at = item.heapAt
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = items[parentAt]!
      if (!this.#before(item, parent)) break
      items[at] = parent
      parent.heapAt = at
      at = parentAt
    }
    items[at] = item
    item.heapAt = at
  }

  #down(item: T): void {
    const items = this.#items
    let at = item.heapAt
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= items.length) break
      const rightAt = childAt + 1
      if (rightAt < items.length && this.#before(items[rightAt]!, items[childAt]!)) childAt = rightAt
      const child = items[childAt]!
      if (!this.#before(child, item)) break
      items[at] = child
      child.heapAt = at
      at = childAt
    }
    items[at] = item
    item.heapAt = at
  }
}

import { describe, expect, it } from 'vitest'
import {
  type ColumnReader,
  type Columns,
  columnReader,
  compact,
  readColumns,
} from '../../../src/client/columns.ts'

async function readAll(reader: ColumnReader, count: number): Promise<Columns[]> {
  const pieces: Columns[] = []
  for (;;) {
    const piece = await reader.read(count)
    if (piece === undefined) return pieces
    pieces.push(piece)
  }
}

async function* later<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const value of values) {
    await new Promise(resolve => setImmediate(resolve))
    yield value
  }
}

describe('columnReader', () => {
  it('columnReader cuts arrays and zips them to the shortest', async () => {
    const reader = columnReader([
      [1, 2, 3, 4],
      ['a', 'b', 'c'],
    ])
    expect(reader.remaining).toBe(3)
    expect(await readAll(reader, 2)).toEqual([
      [
        [1, 2],
        ['a', 'b'],
      ],
      [[3], ['c']],
    ])
    expect(reader.remaining).toBe(0)
  })

  it('columnReader gives views of typed arrays', async () => {
    const whole = new Uint8Array([1, 2, 3])
    const [first] = (await readAll(columnReader([whole]), 2)) as [Columns]
    expect(first[0]).toEqual(new Uint8Array([1, 2]))
    expect((first[0] as Uint8Array).buffer).toBe(whole.buffer)
  })

  it('columnReader reads iterators lazily and closes them at the end of the shortest', async () => {
    let closed = false
    function* endless() {
      try {
        for (let i = 0; ; i++) yield i
      } finally {
        closed = true
      }
    }
    const pieces = await readAll(columnReader([endless(), 'xyz']), 2)
    expect(pieces).toEqual([
      [
        [0, 1],
        ['x', 'y'],
      ],
      [[2], ['z']],
    ])
    expect(closed).toBe(true)
  })

  it('columnReader takes from an async iterable what is there, and does not wait for a full piece', async () => {
    const pieces = await readAll(columnReader([later([1, 2, 3]), [10, 20, 30]]), 100)
    const rows = pieces.flatMap(([a, b]) => Array.from(a!, (x, i) => [x, b![i]]))
    expect(rows).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
    ])
  })

  it('columnReader reads an async iterable that is ready in full pieces', async () => {
    async function* ready() {
      for (let i = 0; i < 10; i++) yield i
    }
    const pieces = await readAll(columnReader([ready()]), 5)
    expect(pieces[0]).toEqual([[0, 1, 2, 3, 4]])
    expect(pieces.flatMap(([column]) => Array.from(column!))).toHaveLength(10)
  })
})

describe('readColumns', () => {
  it('readColumns reads everything at once', () => {
    expect(readColumns([new Set([1, 2, 3]), 'ab'])).toEqual([
      [1, 2],
      ['a', 'b'],
    ])
  })
})

describe('compact', () => {
  it('compact turns long columns of numbers, and only those, into typed arrays', () => {
    const numbers = Array.from({ length: 200 }, (_, i) => i / 3)
    expect(compact(numbers)).toEqual(Float64Array.from(numbers))
    const mixed = [...numbers, 'x']
    expect(compact(mixed)).toBe(mixed)
    expect(compact([1, 2])).toEqual([1, 2])
    const holes = new Array(200)
    expect(compact(holes)).toBe(holes)
    const whole = new Int8Array(300)
    expect(compact(whole)).toBe(whole)
  })
})

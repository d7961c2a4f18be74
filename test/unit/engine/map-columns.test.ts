import { describe, expect, it } from 'vitest'
import { ElementFailure, MappedValues, mapColumns } from '../../../src/engine/map-columns.ts'
import { nodeRealm, unpackValue } from '../../../src/serialize/payload.ts'

type Columns = Parameters<typeof mapColumns>[1]

/** What a map gives, or the failure that it throws. */
async function map(
  fn: (...args: never[]) => unknown,
  columns: Columns,
  { goesOn = false, isWanted = (): boolean => true } = {},
): Promise<unknown> {
  try {
    const mapped = await mapColumns(fn as (...args: unknown[]) => unknown, columns, goesOn, isWanted)
    return mapped.values
  } catch (error) {
    return error
  }
}

const unlessThree = (x: number): number => {
  if (x === 3) throw new RangeError('three')
  return 2 * x
}

describe('mapColumns', () => {
  it('mapColumns goes to the length of the shortest column', async () => {
    const add = (x: number, y: number): number => x + y
    expect(await map(add, [[1, 2, 3], { range: { start: 10, end: 12 } }])).toEqual([11, 13])
    expect(await map((x: number) => x, [{ range: { start: 0, end: 10, step: 4 } }])).toEqual([0, 4, 8])
    expect(await map((x: number) => x, [[]])).toEqual([])
    expect(await map((x: number) => x, [])).toEqual([])
    expect(await map((x: number) => x, [new Float32Array([1, 2])])).toEqual([1, 2])
  })

  it('mapColumns runs async functions one after the other, and mixes them with others', async () => {
    let running = 0
    const fn = (x: number): number | Promise<number> => {
      if (x === 2) return x
      running += 1
      expect(running).toBe(1)
      return Promise.resolve().then(() => {
        running -= 1
        return x * 2
      })
    }
    expect(await map(fn, [[1, 2, 3]])).toEqual([2, 2, 6])
  })

  it.each([
    ['sync', unlessThree],
    ['async', async (x: number) => unlessThree(x)],
  ] as const)(
    'mapColumns names the first %s element that failed and keeps the values before it',
    async (_, fn) => {
      const failure = await map(fn, [[1, 2, 3, 4, 3]])
      expect(failure).toBeInstanceOf(ElementFailure)
      expect(failure).toMatchObject({ index: 2, values: [2, 4], error: new RangeError('three') })
    },
  )

  it.each([
    ['sync', unlessThree],
    ['async', async (x: number) => unlessThree(x)],
  ] as const)('mapColumns goes on after %s elements that failed where that is asked for', async (_, fn) => {
    const failure = (await map(fn, [[3, 1, 3, 4]], { goesOn: true })) as ElementFailure
    expect(failure.values).toEqual([undefined, 2, undefined, 8])
    expect(failure.failures.map(([index]) => index)).toEqual([0, 2])
  })

  it('mapColumns runs no further element when nobody waits for the rest any more', async () => {
    const ran: number[] = []
    const fn = async (x: number) => void ran.push(x)
    await map(fn, [[1, 2, 3]], { isWanted: () => ran.length < 2 })
    expect(ran).toEqual([1, 2])
  })
})

describe('MappedValues', () => {
  const socket = new WeakMap()

  it('MappedValues.pack says which value cannot travel, and keeps those before it', () => {
    const pack = () => new MappedValues([1, 2, socket, 4], false).pack()
    expect(pack).toThrow(ElementFailure)
    try {
      pack()
    } catch (failure) {
      expect(failure).toMatchObject({ index: 2, values: [1, 2], error: { code: 'ERR_SERIALIZATION' } })
    }
  })

  it('ElementFailure.pack carries the values of all that did not fail, whatever they are', async () => {
    const failure = new ElementFailure([1, socket, undefined], [[2, new Error('two')]], true)
    const packed = await unpackValue(failure.pack(), nodeRealm)
    expect(packed).toMatchObject({
      values: [1, undefined, undefined],
      failures: [
        { index: 1, ename: 'SerializationError' },
        { index: 2, ename: 'Error', evalue: 'two' },
      ],
    })
  })
})

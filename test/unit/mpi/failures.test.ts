import { beforeEach, describe, expect, it } from 'vitest'
import { Failures } from '../../../src/mpi/failures.ts'
import type { Argument } from '../../../src/mpi/functions.ts'
import type { Native } from '../../../src/mpi/native.ts'

const RANKS = [0, 1, 2]

interface Message {
  readonly from: number
  readonly tag: number
  readonly text: string
}

/** Ranks in one process: what one sends the others find in their inboxes at once. */
class Ranks {
  readonly inboxes = RANKS.map((): Message[] => [])
  readonly failures = RANKS.map(
    rank => new Failures({ native: this.#nativeOf(rank), comm: 1, rank, size: RANKS.length }),
  )

  #nativeOf(rank: number): Native {
    const inbox = this.inboxes[rank]!
    const native = {
      abi: { anySource: -1, anyTag: -1, datatypes: { BYTE: 1 } },
      source: 0,
      tag: 0,
      probe: () => {
        native.source = inbox[0]?.from ?? 0
        native.tag = inbox[0]?.tag ?? 0
        return inbox.length > 0
      },
      count: () => Buffer.byteLength(inbox[0]!.text),
      test: () => true,
      release: () => {},
      request: (name: string, bytes: Argument, _count: number, _type: number, to: number, tag: number) => {
        if (name === 'MPI_Irecv') (bytes as Buffer).write(inbox.shift()!.text)
        else this.inboxes[to]!.push({ from: rank, tag, text: (bytes as Buffer).toString() })
        return new Int32Array(2)
      },
    }
    return native as unknown as Native
  }
}

describe('Failures', () => {
  let ranks: Ranks
  let mine: Failures
  let others: Failures
  beforeEach(() => {
    ranks = new Ranks()
    mine = ranks.failures[0]!
    others = ranks.failures[1]!
  })

  it('tells who failed, why, and since when, to those who wait for it or for anybody', () => {
    others.announce(new TypeError('no wave here'))
    mine.poll(5)
    const failure = { rank: 1, text: 'failed: TypeError: no wave here', seenMs: 5 }
    expect(mine.among([1, 2])).toMatchObject(failure)
    expect(mine.among(undefined)).toMatchObject(failure)
    expect(mine.among([2])).toBeUndefined()
  })

  it('counts failures alike on all ranks that have heard of them', () => {
    others.announce('one')
    mine.announce('two')
    for (const one of ranks.failures) one.poll(0)
    expect(ranks.failures.map(one => one.countOf(RANKS))).toEqual([2, 2, 2])
    expect(ranks.failures.map(one => one.countOf([1, 2]))).toEqual([1, 1, 1])
  })

  it('forgives those that have met in a collective call', () => {
    others.announce('one')
    mine.poll(0)
    mine.forgive([0, 2])
    expect(mine.among([1])).toBeDefined()
    mine.forgive(RANKS)
    expect(mine.among([1])).toBeUndefined()
  })

  it('forgets a failure when both have begun something else, in whatever order', () => {
    others.announce('one')
    mine.beginAnew(0)
    expect(mine.among([1])).toBeDefined()
    others.beginAnew(0)
    mine.poll(0)
    expect(mine.among([1])).toBeUndefined()

    others.announce('two')
    others.beginAnew(0)
    mine.poll(0)
    // Whoever waits for it since before that waits for nothing.
    expect(mine.among([1])).toBeDefined()
    mine.beginAnew(0)
    expect(mine.among([1])).toBeUndefined()
  })

  it('takes the failure after another for a new one', () => {
    others.announce('one')
    mine.beginAnew(0)
    others.announce('two')
    others.beginAnew(0)
    mine.poll(0)
    expect(mine.among([1])).toMatchObject({ text: 'failed: two' })
  })

  it('cuts what is too long to travel at once', () => {
    others.announce('x'.repeat(5000))
    mine.poll(0)
    expect(mine.among([1])!.text).toHaveLength('failed: '.length + 1000)
  })
})

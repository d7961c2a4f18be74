import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { Arrival } from '../../../src/transport/arrival.ts'
import { frameOf } from '../../../src/transport/pieces.ts'
import { frames } from '../../common/transport-tools.ts'

const MIB = 1024 * 1024

/** A message of `size` bytes behind its head, that has begun to go out as `head`. */
function begun(size: number, head = frames('peer', 'head')) {
  const clock = new SimulatedClock()
  const pieces: Buffer[] = []
  const arrival = new Arrival(size, pieces, clock)
  const cuts: string[] = []
  let flushes = 0
  arrival.begin(
    {
      flush: () => {
        flushes += 1
      },
      cutShort: cause => cuts.push(cause),
    },
    head,
  )
  const grow = (text: string): void => {
    pieces.push(Buffer.from(text))
    arrival.grew(MIB / 2)
  }
  const taken = (): string => arrival.take().join('')
  return { clock, pieces, arrival, cuts, grow, taken, flushes: () => flushes }
}

describe('Arrival', () => {
  it('gives what has come, each piece once, and keeps the end until the message is sent', () => {
    const { arrival, pieces, grow, taken, flushes, cuts } = begun(6)
    grow('ab')
    expect(taken()).toBe('ab')
    expect(taken()).toBe('')
    grow('c')
    grow('de')
    expect(taken()).toBe('cde')
    grow('f')
    expect(taken()).toBe('')
    // Not for every piece.
    expect([arrival.isTaken, arrival.waitingBytes, flushes()]).toEqual([false, 0, 2])
    expect(arrival.confirm([...frames('peer', 'head'), frameOf(pieces)])).toBe(true)
    expect(arrival.waitingBytes).toBe(1)
    arrival.delivered()
    expect(taken()).toBe('f')
    expect([arrival.isTaken, arrival.waitingBytes, cuts]).toEqual([true, 0, []])
  })

  it('does not take another message for its own', () => {
    const { arrival, pieces, grow } = begun(2)
    grow('a')
    grow('b')
    const last = frameOf(pieces)
    expect(arrival.confirm([...frames('peer', 'head'), Buffer.from('a')])).toBe(false)
    expect(arrival.confirm([...frames('peer', 'heap'), last])).toBe(false)
    expect(arrival.confirm([...frames('peer', 'head', 'more'), last])).toBe(false)
    expect(arrival.confirm([...frames('peer'), last])).toBe(false)
    expect(arrival.confirm([...frames('peer', 'head'), last])).toBe(true)
    expect(arrival.confirm([...frames('peer', 'head'), last])).toBe(false)
  })

  it('does not take one large frame for another because their first pieces are alike', () => {
    const large = (tail: string) => frameOf([Buffer.from('first'), Buffer.from(tail)])
    const head = [Buffer.from('peer'), large('one')]
    const { arrival, pieces, grow } = begun(1, head)
    grow('a')
    const last = frameOf(pieces)
    expect(arrival.confirm([head[0]!, large('two'), last])).toBe(false)
    expect(arrival.confirm([...head, last])).toBe(true)
  })

  it('cuts its peer off when the message is delivered and not sent', () => {
    const { arrival, cuts } = begun(2)
    arrival.delivered()
    expect(cuts).toEqual(['the message under way was not to be sent after all'])
  })

  it('cuts its peer off, once, when the sender is gone', () => {
    const { arrival, clock, cuts } = begun(2)
    arrival.lost()
    arrival.lost()
    arrival.delivered()
    expect(cuts).toEqual(['the sender of the message under way is gone'])
    expect(clock.timerCount).toBe(0)
  })

  it('cuts its peer off when nothing comes any more', () => {
    const { clock, cuts, grow } = begun(10)
    grow('a')
    clock.step(2000)
    expect(cuts).toEqual([])
    clock.step(4000)
    expect(cuts).toEqual(['the rest of the message under way did not come'])
    expect(clock.timerCount).toBe(0)
  })

  it('cuts its peer off when the rest takes for ever', () => {
    const { clock, cuts, grow } = begun(100)
    for (let ms = 0; ms <= 8000; ms += 1000) {
      grow('a')
      clock.step(ms)
    }
    expect(cuts).toEqual([])
    grow('a')
    clock.step(10_000)
    expect(cuts).toHaveLength(1)
  })

  it('leaves its peer alone once it is sent, and when the peer is gone', () => {
    const sent = begun(1)
    sent.grow('a')
    sent.arrival.confirm([...frames('peer', 'head'), frameOf(sent.pieces)])
    const left = begun(1)
    left.arrival.leave()
    for (const { arrival, clock, cuts, grow } of [sent, left]) {
      arrival.delivered()
      arrival.lost()
      grow('b')
      expect([cuts, clock.timerCount]).toEqual([[], 0])
    }
  })
})

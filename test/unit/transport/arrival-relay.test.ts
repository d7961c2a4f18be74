import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { Arrival } from '../../../src/transport/arrival.ts'
import { SendQueue } from '../../../src/transport/send-queue.ts'
import type { Frame, Message } from '../../../src/transport/socket.ts'
import { readyFrame } from '../../../src/transport/state/command.ts'
import { GREETING } from '../../../src/transport/state/greeting.ts'
import type { ZmtpEffect } from '../../../src/transport/state/zmtp-machine.ts'
import { frames } from '../../common/transport-tools.ts'
import { encoded, LIMITS, machine } from '../../common/transport-wire.ts'

const READY = readyFrame('DEALER', undefined)
const LIMITS_OF_RELAY = { ...LIMITS, frameBytesMax: 2 ** 24, messageBytesMax: 2 ** 24 }

/** One connection's input and another's output, as in a relay that passes on what it can. */
class Relay {
  readonly out: Buffer[] = []
  /** How much of a message was out before it was whole. */
  readonly early: number[] = []
  readonly #machine = machine({ largeFramesInPieces: true, tellsArrivals: true, limits: LIMITS_OF_RELAY })
  readonly #queue = new SendQueue()
  #arrival: Arrival | undefined
  #nowMs = 0

  constructor() {
    this.#machine.handle({ type: 'connected' }, 0)
    for (const bytes of [GREETING, READY]) this.#machine.handle({ type: 'bytes', bytes }, 0)
    expect(this.#machine.state).toBe('open')
  }

  read(bytes: Buffer): void {
    this.#nowMs += 0.1
    for (const effect of this.#machine.handle({ type: 'bytes', bytes }, this.#nowMs)) this.#perform(effect)
    this.#write()
  }

  #perform(effect: ZmtpEffect): void {
    if (effect.type === 'arriving') {
      const head = [...effect.head]
      this.#arrival = new Arrival(effect.size, effect.pieces, new SimulatedClock())
      this.#arrival.begin({ flush: () => {}, cutShort: () => {} }, head)
      this.#queue.begin(head, this.#arrival)
      this.#write()
    } else if (effect.type === 'deliver') {
      if (this.#arrival !== undefined) {
        this.#write()
        this.early.push(Buffer.concat(this.out).length)
      }
      this.#queue.push(effect.message)
      if (this.#arrival !== undefined) expect(this.#queue.isDoubtful).toBe(false)
      this.#arrival = undefined
    } else throw new Error(`a relay is not to ${effect.type}`)
  }

  #write(): void {
    for (let pieces = this.#queue.next(); pieces.length > 0; pieces = this.#queue.next()) {
      this.out.push(...pieces.map(piece => Buffer.from(piece)))
      this.#queue.handed()
    }
  }
}

function patterned(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 7919) >> 5
  return bytes
}

const LARGE = 1_100_000
const BEFORE = encoded(frames('small', 'before'))
/** Several large buffers, and a small one between them. */
const MESSAGE: Message = [
  ...frames('client', '<IDS|MSG>', 'x'.repeat(300), ''),
  patterned(LARGE),
  ...frames('small'),
  patterned(LARGE),
]
const STREAM = Buffer.concat([BEFORE, encoded(MESSAGE), encoded(frames('small', 'behind'))])
const MESSAGE_END = BEFORE.length + encoded(MESSAGE).length

/** Reads the stream, cut at these places, and expects the same bytes at the other end. */
function relayed(cuts: readonly number[]): number[] {
  const relay = new Relay()
  let from = 0
  for (const cut of [...cuts, STREAM.length]) {
    relay.read(STREAM.subarray(from, cut))
    from = cut
  }
  expect(Buffer.concat(relay.out).equals(STREAM)).toBe(true)
  // Never all of it before it is whole.
  for (const early of relay.early) expect(early).toBeLessThan(MESSAGE_END)
  return relay.early
}

it('a message that is passed on while it comes in is the same bytes, wherever they are cut', () => {
  let passedOn = 0
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: STREAM.length - 1 }), { minLength: 5, maxLength: 60 }),
      places => {
        passedOn += relayed(places.toSorted((one, other) => one - other)).length
      },
    ),
    { seed: 41, numRuns: 60 },
  )
  expect(passedOn).toBeGreaterThan(20)
})

it('a message that is passed on while it comes in may be cut at each byte near its frames', () => {
  const edges = [BEFORE.length, BEFORE.length + 340 + LARGE, MESSAGE_END - LARGE, MESSAGE_END]
  let passedOn = 0
  for (const edge of edges) {
    for (let at = edge - 15; at <= edge + 15; at++) {
      const steps = Array.from({ length: 35 }, (_, i) => (i + 1) * 60_000)
      const cuts: number[] = [...new Set([...steps, at])].filter(cut => cut < STREAM.length)
      passedOn += relayed(cuts.toSorted((one, other) => one - other)).length
    }
  }
  expect(passedOn).toBe(edges.length * 31)
})

it('a message whose last frame is not large, or slow to come, is passed on when it is whole', () => {
  const small: Frame[] = [...frames('client'), patterned(LARGE), Buffer.from('z')]
  const stream = encoded(small)
  const relay = new Relay()
  for (let at = 0; at < stream.length; at += 60_000) {
    relay.read(stream.subarray(at, at + 60_000))
    if (at + 60_000 < stream.length) expect(relay.out).toEqual([])
  }
  expect(Buffer.concat(relay.out).equals(stream)).toBe(true)
  expect(relay.early).toEqual([])
})

import { afterEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../../src/base/clock.ts'
import { OutputPublisher } from '../../../src/engine/output-publisher.ts'
import { SharedState } from '../../../src/engine/shared-state.ts'
import { Session } from '../../../src/protocol/session.ts'
import type { Frame, Message, Socket } from '../../../src/transport/socket.ts'

/** Timers that ring when they are told to. */
class HandClock implements Clock {
  #wakes = new Set<() => void>()

  nowMs(): number {
    return 0
  }

  after(_delayMs: number, wake: () => void): () => void {
    this.#wakes.add(wake)
    return () => this.#wakes.delete(wake)
  }

  ring(): void {
    for (const wake of [...this.#wakes]) {
      this.#wakes.delete(wake)
      wake()
    }
  }
}

const clock = new HandClock()
const shared = new SharedState()
const sent: { topic: string; parent: string; content: unknown }[] = []
const inbox: (() => void)[] = []
const socket = {
  send(frames: Message) {
    const text = (index: number): string => (frames[index] as Frame).toString()
    sent.push({ topic: text(0), parent: text(4), content: JSON.parse(text(6)) })
    return 'ok'
  },
} as unknown as Socket
const publisher = new OutputPublisher('uuid', shared, clock, () => {
  for (const read of inbox.splice(0)) read()
})
publisher.link = { session: new Session({ key: 'k' }), socket }
publisher.engineId = 2
const parent = Buffer.from('{"msg_id":"m"}')

/** A piece of text as the main thread posts it. */
function add(sequence: number, text: string, name: 'stdout' | 'stderr' = 'stdout'): void {
  shared.addWaiting(text.length)
  publisher.addText({ sequence, name, text, parent })
}

afterEach(() => {
  clock.ring()
  sent.length = 0
})

describe('OutputPublisher', () => {
  it('sends pieces of one sequence as one message, when their time is over', () => {
    shared.open(1)
    add(1, 'a')
    add(1, 'b')
    expect(sent).toEqual([])
    clock.ring()
    expect(sent).toEqual([
      { topic: 'engine.2.stdout', parent: '{"msg_id":"m"}', content: { name: 'stdout', text: 'ab' } },
    ])
    expect(shared.openSequence).toBe(0)
    expect(shared.waitingChars).toBe(0)
  })

  it('takes in what was posted before it closed a sequence', () => {
    shared.open(2)
    add(2, 'a')
    inbox.push(() => add(2, 'late'))
    clock.ring()
    expect(sent.map(({ content }) => content)).toEqual([{ name: 'stdout', text: 'alate' }])
  })

  it('sends a sequence when the next one begins, or something else follows', () => {
    add(3, 'out')
    add(4, 'err', 'stderr')
    publisher.publish('status', 'status', { execution_state: 'idle' }, undefined)
    expect(sent.map(({ topic, parent: header }) => [topic, header])).toEqual([
      ['engine.2.stdout', '{"msg_id":"m"}'],
      ['engine.2.stderr', '{"msg_id":"m"}'],
      ['engine.2.status', '{}'],
    ])
  })

  it('lets go of text while there is no controller', () => {
    const { link } = { link: { session: new Session({ key: 'k' }), socket } }
    publisher.link = undefined
    add(5, 'lost')
    clock.ring()
    publisher.link = link
    expect(sent).toEqual([])
    expect(shared.waitingChars).toBe(0)
  })
})

import { expect, it } from 'vitest'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { Arrival } from '../../../src/transport/arrival.ts'
import { frameOf, joinedFrame } from '../../../src/transport/pieces.ts'
import { SendQueue } from '../../../src/transport/send-queue.ts'
import type { Frame } from '../../../src/transport/socket.ts'
import { frames } from '../../common/transport-tools.ts'
import { encoded } from '../../common/transport-wire.ts'

const CARRIER = { flush: () => {}, cutShort: () => {} }

function written(queue: SendQueue): Buffer {
  const bytes = Buffer.concat(queue.next())
  queue.handed()
  return bytes
}

function begun(queue: SendQueue, head: Frame[], ...pieces: Buffer[]): Arrival {
  const arrival = new Arrival(300, pieces, new SimulatedClock())
  arrival.begin(CARRIER, head)
  queue.begin(head, arrival)
  return arrival
}

it('SendQueue lets everything wait for the end of a message that goes out while it comes in', () => {
  const queue = new SendQueue()
  const head = frames('a', 'b')
  const pieces = [Buffer.alloc(100, 1)]
  const arrival = begun(queue, head, ...pieces)
  const out = [written(queue)]
  queue.push(frames('waits'))
  out.push(written(queue))
  expect(out[1]).toHaveLength(0)
  expect([queue.isInMessage, queue.isDoubtful, queue.messagesTaken, queue.messagesHanded]).toEqual([
    true,
    true,
    1,
    0,
  ])
  expect(arrival.isPassedOn).toBe(true)
  queue.clear()
  expect(queue.waitingBytes).toBe(0)
})

it('SendQueue writes a message that comes in as the same bytes as one that is whole', () => {
  const queue = new SendQueue()
  const head = frames('a', 'x'.repeat(5000), '')
  const pieces = [Buffer.alloc(100, 1)]
  const arrival = new Arrival(300, pieces, new SimulatedClock())
  arrival.begin(CARRIER, head)
  queue.begin(head, arrival)
  const out = [written(queue)]
  queue.push(frames('waits'))
  pieces.push(Buffer.alloc(150, 2))
  out.push(written(queue))
  pieces.push(Buffer.alloc(50, 3))
  out.push(written(queue))
  expect(out[2]).toHaveLength(0)
  const message = [...head, frameOf(pieces)]
  queue.push(message)
  expect([queue.isDoubtful, queue.waitingBytes > 50]).toEqual([false, true])
  out.push(written(queue))
  expect(Buffer.concat(out).equals(encoded(message.map(joinedFrame), frames('waits')))).toBe(true)
  expect([queue.isInMessage, queue.waitingBytes, queue.messagesTaken, queue.messagesHanded]).toEqual([
    false,
    0,
    2,
    2,
  ])
})

it('SendQueue counts bytes that wait and bytes that are being written', () => {
  const queue = new SendQueue()
  queue.push([Buffer.alloc(1000)])
  expect([queue.waitingBytes, queue.queuedBytes, queue.batchBytes]).toEqual([1032, 1032, 0])
  queue.next()
  expect([queue.waitingBytes, queue.queuedBytes, queue.batchBytes]).toEqual([1032, 0, 1032])
  queue.handed()
  expect([queue.waitingBytes, queue.isEmpty]).toEqual([0, true])
})

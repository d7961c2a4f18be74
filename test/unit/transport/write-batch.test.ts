import { expect, it } from 'vitest'
import { Queue } from '../../../src/base/queue.ts'
import type { Message } from '../../../src/transport/socket.ts'
import { WriteBatch } from '../../../src/transport/write-batch.ts'
import { frames } from '../../common/transport-tools.ts'

function filled(...messages: readonly Message[]) {
  const queue = new Queue<Message>()
  for (const message of messages) queue.push(message)
  const batch = new WriteBatch()
  batch.fill(queue)
  return { batch, queue }
}

it('WriteBatch writes short frames with one byte of length and long ones with eight', () => {
  const { batch } = filled(frames('a', '', 'x'.repeat(255)), frames('y'.repeat(256)))
  expect(Buffer.concat(batch.pieces).toString('latin1')).toBe(
    `\x01\x01a\x01\x00\x00\xff${'x'.repeat(255)}\x02\0\0\0\0\0\0\x01\0${'y'.repeat(256)}`,
  )
})

it('WriteBatch joins many small messages into one piece', () => {
  const { batch, queue } = filled(...Array.from({ length: 200 }, () => frames('head', 'x'.repeat(100))))
  expect(batch.pieces).toHaveLength(1)
  expect(batch.messages).toBe(200)
  expect(queue.length).toBe(0)
})

it('WriteBatch passes large frames on as they are, without copying', () => {
  const body = Buffer.alloc(100_000)
  const { batch } = filled([Buffer.from('a'), body, Buffer.from('b')])
  expect(batch.pieces).toHaveLength(3)
  expect(batch.pieces[1]).toBe(body)
  expect(batch.pieces[0]!.toString('latin1')).toBe('\x01\x01a\x03\0\0\0\0\0\x01\x86\xa0')
})

it('WriteBatch leaves the rest of a long queue for the next batch', () => {
  const { batch, queue } = filled(...Array.from({ length: 100 }, () => [Buffer.alloc(20_000)]))
  expect(batch.messages).toBeLessThan(100)
  expect(batch.messages + queue.length).toBe(100)
})

it('WriteBatch never reuses a buffer before it is released', () => {
  const queue = new Queue<Message>()
  const one = new WriteBatch()
  const other = new WriteBatch()
  queue.push(frames('one'))
  one.fill(queue)
  queue.push(frames('other'))
  other.fill(queue)
  expect(one.pieces[0]!.toString('latin1')).toBe('\0\x03one')
  expect(other.pieces[0]!.toString('latin1')).toBe('\0\x05other')
  one.release()
  expect([one.pieces.length, one.bytes, one.messages]).toEqual([0, 0, 0])
})

it('WriteBatch lies in one block with the batches of others, which is used anew when the last of them is written', () => {
  const write = (text: string) => {
    const { batch } = filled(frames(text))
    return { batch, piece: batch.pieces[0]! }
  }
  const [one, other] = [write('one'), write('other')]
  expect(one.piece.buffer).toBe(other.piece.buffer)
  one.batch.release()
  const third = write('third')
  expect([other.piece, third.piece].map(piece => piece.toString('latin1', 2))).toEqual(['other', 'third'])
  for (const { batch } of [other, third]) batch.release()
})

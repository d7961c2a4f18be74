import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { AwaitedPeers } from '../../../src/transport/awaited-peers.ts'
import { frames } from '../../common/transport-tools.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('AwaitedPeers keeps what is sent to a peer until it is back, in order', () => {
  const peers = new AwaitedPeers()
  const givenUp = vi.fn()
  expect(peers.keep(frames('a', 'too early'))).toBe(false)
  peers.add(Buffer.from('a'), [frames('unsent')], givenUp)
  expect([peers.keep(frames('a', 'meanwhile', 'more')), peers.keep(frames('b', 'other'))]).toEqual([
    true,
    false,
  ])
  expect(peers.cameBack(Buffer.from('b'))).toBeUndefined()
  expect(peers.cameBack(Buffer.from('a'))).toEqual([frames('unsent'), frames('meanwhile', 'more')])
  expect([peers.keep(frames('a', 'late')), peers.cameBack(Buffer.from('a'))]).toEqual([false, undefined])
  expect([vi.getTimerCount(), givenUp.mock.calls]).toEqual([0, []])
})

it('AwaitedPeers gives a peer up that is not back after an hour, and tells what is lost', () => {
  const peers = new AwaitedPeers()
  const givenUp = vi.fn()
  peers.add(Buffer.from('a'), [frames('unsent')], givenUp)
  peers.keep(frames('a', 'meanwhile'))
  vi.advanceTimersByTime(3_599_999)
  expect(givenUp).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(givenUp.mock.calls).toEqual([[2]])
  expect(peers.keep(frames('a', 'late'))).toBe(false)
})

it('AwaitedPeers waits for nobody once it is cleared', () => {
  const peers = new AwaitedPeers()
  peers.add(Buffer.from('a'), [], vi.fn())
  peers.clear()
  expect([vi.getTimerCount(), peers.keep(frames('a', 'late'))]).toEqual([0, false])
})

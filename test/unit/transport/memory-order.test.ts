import { expect, it } from 'vitest'
import type { Clock } from '../../../src/base/clock.ts'
import { memoryTransport } from '../../../src/transport/memory.ts'
import { Bench } from '../../common/transport-tools.ts'

/** A network that moves only when told to. */
function stepped() {
  const tasks: (() => void)[] = []
  const timers: { atMs: number; wake: () => void }[] = []
  let nowMs = 0
  const clock: Clock = {
    nowMs: () => nowMs,
    after: (delayMs, wake) => {
      const timer = { atMs: nowMs + delayMs, wake }
      timers.push(timer)
      return () => void timers.splice(timers.indexOf(timer), 1)
    },
  }
  const settle = () => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task()
  }
  const pass = (ms: number) => {
    nowMs += ms
    for (const timer of timers.splice(0)) {
      if (timer.atMs <= nowMs) timer.wake()
      else timers.push(timer)
    }
    settle()
  }
  return { bench: new Bench(memoryTransport({ defer: task => void tasks.push(task), clock })), settle, pass }
}

it('memoryTransport delivers nothing before its tasks are run', async () => {
  const { bench, settle } = stepped()
  const router = bench.probe('ROUTER')
  const dealer = bench.probe('DEALER', { identity: 'd' })
  await router.socket.bind('inproc://here')
  dealer.socket.connect('inproc://here')
  dealer.send('one')
  expect(router.messages.length + router.peers.length).toBe(0)
  settle()
  expect(await router.receive()).toEqual(['d', 'one'])
})

it('memoryTransport connects again after the pause on its own clock', async () => {
  const { bench, settle, pass } = stepped()
  const first = bench.probe('ROUTER')
  const dealer = bench.probe('DEALER', { reconnect: { minMs: 100, maxMs: 100 } })
  const url = await first.socket.bind('tcp://127.0.0.1:0')
  dealer.socket.connect(url)
  settle()
  const closing = first.socket.close()
  settle()
  await closing
  const second = bench.probe('ROUTER')
  await second.socket.bind(url)
  settle()
  pass(99)
  expect(second.peers.length).toBe(0)
  pass(1)
  expect(second.peers.length).toBe(1)
})

it('memoryTransport does the same whenever it is run', async () => {
  const run = async () => {
    const { bench, settle } = stepped()
    const story: string[] = []
    const router = bench.probe('ROUTER', {
      onMessage: message => story.push(message.join(' ')),
      onBatchEnd: () => story.push('end'),
    })
    await router.socket.bind('inproc://here')
    for (const name of ['a', 'b', 'c']) {
      const dealer = bench.probe('DEALER', { identity: name })
      dealer.socket.connect('inproc://here')
      for (let i = 0; i < 3; i++) dealer.send(`${i}`)
    }
    settle()
    return story
  }
  const story = await run()
  expect(story).toEqual(['a', 'b', 'c'].flatMap(name => [`${name} 0`, `${name} 1`, `${name} 2`, 'end']))
  expect(await run()).toEqual(story)
})

it('memoryTransport makes a network of its own at each call', async () => {
  const one = new Bench(memoryTransport())
  const other = new Bench(memoryTransport())
  await one.probe('ROUTER').socket.bind('inproc://same')
  await other.probe('ROUTER').socket.bind('inproc://same')
  await Promise.all([one.close(), other.close()])
})

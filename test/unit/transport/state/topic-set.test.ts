import fc from 'fast-check'
import { expect, it } from 'vitest'
import { TopicSet } from '../../../../src/transport/state/topic-set.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')

it('TopicSet matches what begins with one of its topics', () => {
  const topics = new TopicSet()
  expect(topics.matches(bytes(''))).toBe(false)
  topics.add(bytes('engine.1'))
  topics.add(bytes('x'))
  for (const [text, matches] of [
    ['engine.1', true],
    ['engine.10', true],
    ['engine.', false],
    ['x', true],
    ['', false],
  ] as const) {
    expect(topics.matches(bytes(text))).toBe(matches)
  }
  topics.add(bytes(''))
  expect(topics.matches(bytes(''))).toBe(true)
})

it('TopicSet counts equal topics', () => {
  const topics = new TopicSet()
  expect([topics.add(bytes('a')), topics.add(bytes('a'))]).toEqual([true, false])
  expect([topics.size, topics.bytes]).toEqual([1, 1])
  expect([topics.delete(bytes('a')), topics.delete(bytes('a')), topics.delete(bytes('a'))]).toEqual([
    false,
    true,
    false,
  ])
  expect([topics.size, topics.bytes, [...topics].length]).toEqual([0, 0, 0])
})

it('TopicSet agrees with a plain list of prefixes', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '\xff'), maxLength: 5 })
  fc.assert(
    fc.property(fc.array(text), fc.array(text), text, (added, removed, probe) => {
      const topics = new TopicSet()
      const list: string[] = []
      for (const topic of added) {
        topics.add(bytes(topic))
        list.push(topic)
      }
      for (const topic of removed) {
        topics.delete(bytes(topic))
        const index = list.indexOf(topic)
        if (index >= 0) list.splice(index, 1)
      }
      expect(topics.matches(bytes(probe))).toBe(list.some(topic => probe.startsWith(topic)))
      expect([...topics].map(topic => topic.toString('latin1')).sort()).toEqual([...new Set(list)].sort())
    }),
    { seed: 4, numRuns: 500 },
  )
})

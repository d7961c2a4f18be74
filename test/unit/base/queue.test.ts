import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Queue } from '../../../src/base/queue.ts'

describe('Queue', () => {
  it('behaves as an array does under any sequence of calls', () => {
    const call = fc.constantFrom('push', 'push', 'unshift', 'shift')
    fc.assert(
      fc.property(fc.array(call, { maxLength: 300 }), calls => {
        const queue = new Queue<number>()
        const model: number[] = []
        calls.forEach((name, i) => {
          if (name === 'push') {
            queue.push(i)
            model.push(i)
          } else if (name === 'unshift') {
            queue.unshift(i)
            model.unshift(i)
          } else {
            expect(queue.peek()).toBe(model[0])
            expect(queue.shift()).toBe(model.shift())
          }
        })
        expect([...queue]).toEqual(model)
        expect(queue.length).toBe(model.length)
      }),
    )
  })

  it('is empty after clear', () => {
    const queue = new Queue<number>()
    for (let i = 0; i < 40; i++) queue.push(i)
    queue.clear()
    expect(queue.length).toBe(0)
    expect(queue.shift()).toBeUndefined()
  })
})

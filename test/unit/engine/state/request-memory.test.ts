import { describe, expect, it } from 'vitest'
import { RequestMemory } from '../../../../src/engine/state/request-memory.ts'

const texts = (reply: ReturnType<RequestMemory['came']>) =>
  typeof reply === 'string' ? reply : reply.map(String)

function answer(memory: RequestMemory, msgId: string, bytes = 10): void {
  memory.came(msgId)
  memory.answered(msgId, [Buffer.from(msgId), Buffer.alloc(bytes)])
  memory.validate()
}

describe('RequestMemory', () => {
  it('knows a request that is at work, and the reply of one that is not', () => {
    const memory = new RequestMemory()
    expect([memory.came('m'), memory.came('m')]).toEqual(['fresh', 'open'])
    memory.answered('m', [Buffer.from('route'), Buffer.from(''), Buffer.from('value')])
    expect(texts(memory.came('m'))).toEqual(['route', '', 'value'])
    expect(texts(memory.came('m'))).toEqual(['route', '', 'value'])
    memory.validate()
  })

  it('keeps the reply as it was, whatever becomes of its bytes', () => {
    const memory = new RequestMemory()
    const value = Buffer.from('value')
    memory.came('m')
    memory.answered('m', [value])
    value.fill(0)
    expect(texts(memory.came('m'))).toEqual(['value'])
  })

  it('keeps no reply above 1 MiB, and none beyond 8 MiB, but knows that there was one', () => {
    const memory = new RequestMemory()
    answer(memory, 'large', (1 << 20) + 1)
    expect(memory.came('large')).toBe('lost')
    for (let i = 0; i < 20; i++) answer(memory, `m${i}`, 1_000_000)
    expect(memory.came('m0')).toBe('lost')
    expect(memory.came('m19')).not.toBe('lost')
  })

  it('forgets the oldest of very many', () => {
    const memory = new RequestMemory()
    for (let i = 0; i < 20_001; i++) {
      memory.came(`m${i}`)
      memory.answered(`m${i}`, [])
    }
    memory.validate()
    expect([memory.came('m1'), memory.came('m0')].map(texts)).toEqual([[], 'fresh'])
  })

  it('forgets what waited when its queue is given up, but not what runs', () => {
    const memory = new RequestMemory()
    for (const msgId of ['runs', 'waits']) memory.came(msgId)
    memory.forgetOpen('runs')
    expect([memory.came('runs'), memory.came('waits')]).toEqual(['open', 'fresh'])
    memory.forgetOpen(undefined)
    expect(memory.came('runs')).toBe('fresh')
  })

  it('takes no answer to what it does not know', () => {
    const memory = new RequestMemory()
    memory.answered('stranger', [Buffer.from('reply')])
    expect(memory.came('stranger')).toBe('fresh')
  })
})

import { describe, expect, it } from 'vitest'
import { Ending } from '../../../../src/cluster/state/ending.ts'

describe('Ending', () => {
  it('kills when the grace is over and gives up when killing has not helped, each once', () => {
    const ending = new Ending(100, 2000, 3000)
    expect(ending.wakeAtMs).toBe(2100)
    expect(ending.press(2099)).toBeUndefined()
    expect(ending.press(2100)).toBe('kill')
    expect(ending.wakeAtMs).toBe(5100)
    expect(ending.press(2100)).toBeUndefined()
    expect(ending.press(5099)).toBeUndefined()
    expect(ending.press(5100)).toBe('give up')
  })

  it('kills at once when it is hurried, and gives the killed no less time', () => {
    const ending = new Ending(0, 2000, 3000)
    ending.hurry(500)
    expect(ending.wakeAtMs).toBe(500)
    expect(ending.press(500)).toBe('kill')
    expect(ending.wakeAtMs).toBe(5000)
    ending.hurry(600)
    expect(ending.press(600)).toBeUndefined()
  })
})

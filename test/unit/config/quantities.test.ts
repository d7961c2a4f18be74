import { describe, expect, it } from 'vitest'
import { memoryMib, walltimeSeconds } from '../../../src/config/quantities.ts'

describe('walltimeSeconds', () => {
  it('reads seconds, clock times and days', () => {
    expect(walltimeSeconds(90)).toBe(90)
    expect(walltimeSeconds('90')).toBe(90)
    expect(walltimeSeconds('01:30:05')).toBe(5405)
    expect(walltimeSeconds('2-00:00:10')).toBe(172_810)
  })

  it('refuses what may be hours or minutes', () => {
    for (const walltime of ['10:00', '', '-5', '1.5', 'soon'])
      expect(walltimeSeconds(walltime)).toBeUndefined()
  })
})

describe('memoryMib', () => {
  it('reads a number and a unit', () => {
    expect(memoryMib('4G')).toBe(4096)
    expect(memoryMib('1.5 GiB')).toBe(1536)
    expect(memoryMib('500mb')).toBe(500)
    expect(memoryMib('4')).toBeUndefined()
  })
})

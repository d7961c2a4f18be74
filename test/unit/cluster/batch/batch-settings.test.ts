import { describe, expect, it } from 'vitest'
import {
  checkBatchSettings,
  memoryMib,
  walltimeSeconds,
} from '../../../../src/cluster/batch/batch-settings.ts'

describe('walltimeSeconds', () => {
  it('reads seconds, clock times and days', () => {
    expect(walltimeSeconds(90)).toBe(90)
    expect(walltimeSeconds('90')).toBe(90)
    expect(walltimeSeconds('01:30:05')).toBe(5405)
    expect(walltimeSeconds('2-00:00:10')).toBe(172_810)
  })

  it('refuses what may be hours or minutes', () => {
    for (const walltime of ['10:00', '', '-5', '1.5', 'soon'])
      expect(() => walltimeSeconds(walltime)).toThrow(/is no time/)
  })
})

describe('memoryMib', () => {
  it('reads sizes', () => {
    expect(memoryMib('4G')).toBe(4096)
    expect(memoryMib('1.5 GiB')).toBe(1536)
    expect(memoryMib('500mb')).toBe(500)
    expect(() => memoryMib('4')).toThrow(/is no size/)
  })
})

describe('checkBatchSettings', () => {
  it('names the nearest setting for one that is not there', () => {
    expect(() => checkBatchSettings({ quee: 'x' } as object)).toThrow(
      'batch has no quee; did you mean queue?',
    )
  })

  it('refuses values that cannot be', () => {
    expect(() => checkBatchSettings({ cpus: 0 })).toThrow(
      'batch is wrong at cpus: it must be at least 1, and is 0',
    )
    expect(() => checkBatchSettings({ walltime: 'soon' })).toThrow(/is no time/)
  })
})

import { describe, expect, it } from 'vitest'
import { checkBatchSettings } from '../../../../src/cluster/batch/batch-settings.ts'

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
    expect(() => checkBatchSettings({ walltime: 'soon' })).toThrow(
      /walltime: it must be seconds, or hours, minutes and seconds/,
    )
    expect(() => checkBatchSettings({ memory: '4' })).toThrow(/memory: it must be a number and a unit/)
  })
})

import { expect, it } from 'vitest'
import { mergeSettings } from '../../../src/config/merge-settings.ts'

it('mergeSettings takes each setting for itself, also within batch and environments', () => {
  const file = {
    n: 4,
    env: { A: 'file', B: 'file' },
    batch: { queue: 'long', prologue: ['module load node'], environment: { C: 'file', D: 'file' } },
  }
  const given = {
    n: undefined,
    timeout: 5,
    env: { B: 'given' },
    batch: { prologue: ['true'], environment: { D: 'given' } },
  }
  expect(mergeSettings(file, given)).toEqual({
    n: 4,
    timeout: 5,
    env: { A: 'file', B: 'given' },
    batch: { queue: 'long', prologue: ['true'], environment: { C: 'file', D: 'given' } },
  })
  expect(file.env).toEqual({ A: 'file', B: 'file' })
})

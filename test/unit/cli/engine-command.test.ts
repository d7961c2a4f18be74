import { afterEach, expect, it, vi } from 'vitest'
import { uuidPrefixOf } from '../../../src/cli/engine-command.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

it('uuidPrefixOf takes the number of the task from the variable that is named, where it holds one', () => {
  const options = { uuidPrefix: '0123456789-', taskVariable: 'SGE_TASK_ID' }
  vi.stubEnv('SGE_TASK_ID', '12')
  expect(uuidPrefixOf(options)).toBe('0123456789-t12-')
  // Grid Engine says so where there is no array.
  vi.stubEnv('SGE_TASK_ID', 'undefined')
  expect(uuidPrefixOf(options)).toBe('0123456789-')
  vi.stubEnv('SGE_TASK_ID', undefined)
  expect(uuidPrefixOf(options)).toBe('0123456789-')
  expect(uuidPrefixOf({})).toBe('')
})

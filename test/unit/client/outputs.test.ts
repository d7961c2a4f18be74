import { describe, expect, it } from 'vitest'
import { readOutput, streamText } from '../../../src/client/outputs.ts'

describe('readOutput', () => {
  it.each([
    ['stream', { name: 'stderr', text: 'x' }, { type: 'stream', name: 'stderr', text: 'x' }],
    ['stream', { name: 7, text: {} }, { type: 'stream', name: 'stdout', text: '' }],
    [
      'execute_input',
      { code: 'a', execution_count: 2 },
      { type: 'execute_input', code: 'a', executionCount: 2 },
    ],
    ['execute_result', {}, { type: 'execute_result', data: {}, executionCount: 0 }],
    ['display_data', { data: { 'text/plain': 'x' } }, { type: 'display_data', data: { 'text/plain': 'x' } }],
    [
      'error',
      { ename: 'E', evalue: 'v', traceback: ['a', 1] },
      { type: 'error', ename: 'E', evalue: 'v', traceback: ['a', ''] },
    ],
    ['comm_open', {}, { type: 'other' }],
  ])('readOutput reads %s %j', (type, content, expected) => {
    expect(readOutput(type, content)).toEqual(expected)
  })

  it('streamText joins the text of one stream', () => {
    expect(streamText(undefined, 'stdout')).toBe('')
    const outputs = ['a', 'b'].map(text => ({ type: 'stream', name: 'stdout', text }) as const)
    expect(streamText(outputs, 'stdout')).toBe('ab')
    expect(streamText(outputs, 'stderr')).toBe('')
  })
})

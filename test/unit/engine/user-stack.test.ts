import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { isOwnFile } from '../../../src/engine/own-files.ts'
import { cleanStack } from '../../../src/engine/user-stack.ts'

const own = (file: string): string => new URL(`../../../src/${file}`, import.meta.url).href

describe('cleanStack', () => {
  it('leaves the message and the frames of the user', () => {
    const stack = [
      'Error: two',
      'lines at once',
      '    at f (<execute 1>:2:3)',
      '    at Array.map (<anonymous>)',
      '    at node:internal/process/task_queues:95:5',
      '    at file:///home/user/study.ts:4:5',
      '    at Array.map (<anonymous>)',
      '    at Script.runInThisContext (node:vm:137:12)',
      '    at <name>:1:1',
      '    at async node:internal/modules/run_main:1:2',
      `    at Evaluator.execute (${own('engine/evaluator.ts')}:1:2)`,
      `    at ${fileURLToPath(own('engine/shell.ts'))}:1:2`,
      '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
    ]
    expect(cleanStack(stack.join('\n')).split('\n')).toEqual(stack.slice(0, 6))
  })

  it('hands each frame of the user to be mapped', () => {
    const mapped = cleanStack('Error\n    at <execute 1>:2:3', line => line.replace('2:3', '20:30'))
    expect(mapped).toBe('Error\n    at <execute 1>:20:30')
  })
})

describe('isOwnFile', () => {
  it('tells the engine from the client, which user code may run', () => {
    expect(isOwnFile(own('engine/shell.ts'))).toBe(true)
    expect(isOwnFile(own('client/client.ts'))).toBe(false)
    expect(isOwnFile('<execute 1>')).toBe(false)
  })
})

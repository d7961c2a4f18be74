import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { identityOf, isRunning, isRunningProgram } from '../../../src/config/process-identity.ts'

describe('isRunning', () => {
  it('follows a process to its end', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    await once(child, 'spawn')
    const identity = identityOf(child.pid!)
    expect(isRunning(identity)).toBe(true)
    expect(isRunningProgram(child.pid!, ['setInterval'])).toBe(true)
    expect(isRunningProgram(child.pid!, ['ipcontroller'])).toBe(false)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(isRunning(identity)).toBe(false)
  })

  it.each([-1, 0, Number.NaN, 1.5])('says no to %d', pid => {
    expect(isRunning({ pid, startTicks: null })).toBe(false)
  })
})

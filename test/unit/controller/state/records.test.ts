import { describe, expect, it } from 'vitest'
import { keptRequest } from '../../../../src/controller/state/kept-request.ts'
import { Records } from '../../../../src/controller/state/records.ts'
import { applyReply, applyRequest } from '../tools.ts'

describe('Records', () => {
  it('[35] joins output that came before its request', () => {
    const records = new Records()
    records.output('a', 'stream', { name: 'stdout', text: 'one\n' })
    records.output('a', 'stream', { name: 'stderr', text: 'oops' })
    records.output('a', 'execute_input', { code: 'x', execution_count: 1 })
    expect(records.fields('a')).toMatchObject({ submitted: null, header: null, stdout: 'one\n' })
    expect(records.standing('a')).toBe('unknown')
    records.submitted('a', applyRequest('a'), 'mux', 'e')
    records.output('a', 'stream', { name: 'stdout', text: 'two\n' })
    records.output('a', 'execute_result', { data: {} })
    records.output('a', 'error', { ename: 'E' })
    records.output('a', 'display_data', {})
    records.output('a', 'stream', { text: 7 })
    expect(records.fields('a')).toMatchObject({
      stdout: 'one\ntwo\n',
      stderr: 'oops',
      execute_input: 'x',
      execute_result: { data: {} },
      error: { ename: 'E' },
      engine_uuid: 'e',
    })
  })

  it('bounds what a program can print into them', () => {
    const records = new Records()
    const text = 'x'.repeat(1 << 19)
    for (let i = 0; i < 10; i++) records.output('a', 'stream', { name: 'stdout', text })
    expect(String(records.fields('a')?.stdout).length).toBeLessThanOrEqual(1 << 20)
  })

  it('forgets the oldest tenth when there are too many', () => {
    const records = new Records({ recordsMax: 20 })
    for (let i = 0; i < 21; i++) records.submitted(`m${i}`, applyRequest(`m${i}`), 'task')
    records.validate()
    expect(records.history()).toEqual(Array.from({ length: 19 }, (_, i) => `m${i + 2}`))
  })

  it('forgets the oldest when their buffers are too many bytes', () => {
    const records = new Records({ bufferBytesMax: 100 })
    for (let i = 0; i < 50; i++) {
      const request = applyRequest(`m${i}`)
      records.submitted(`m${i}`, request, 'task')
      records.finished(
        `m${i}`,
        request,
        'task',
        'e',
        applyReply(`m${i}`, { status: 'ok' }, 'x'.repeat(30)),
        'now',
      )
      records.validate()
    }
    expect(records.size).toBeLessThan(4)
    records.removeCompleted(undefined)
    records.validate()
  })

  it('keeps no large buffers of direct requests, and what is small when large ones must go', () => {
    const records = new Records({ bufferBytesMax: 4 << 20 })
    const large = applyRequest('large', {}, 'x'.repeat(2 << 20))
    records.submitted('large', keptRequest(large), 'mux')
    expect(records.request('large')).toBeUndefined()
    expect(records.requestBuffers('large')).toEqual([])
    for (const name of ['a', 'b', 'c'])
      records.submitted(name, applyRequest(name, {}, 'x'.repeat(2 << 20)), 'task')
    expect(records.standing('a')).toBe('unknown')
    expect(['large', 'b', 'c'].map(name => records.standing(name))).toEqual(['noted', 'noted', 'noted'])
    expect(records.request('b')).toBeDefined()
    records.validate()
  })

  it('is whole when the reply comes to a record that was forgotten', () => {
    const records = new Records({ recordsMax: 2 })
    const request = applyRequest('old')
    records.submitted('old', request, 'task')
    for (let i = 0; i < 5; i++) records.submitted(`m${i}`, applyRequest(`m${i}`), 'task')
    expect(records.standing('old')).toBe('unknown')
    records.finished('old', request, 'task', 'e', applyReply('old'), 'now')
    expect(records.fields('old')).toMatchObject({ header: { msg_id: 'old' }, queue: 'task', received: 'now' })
  })

  it('begins anew when a name is used again', () => {
    const records = new Records()
    const request = applyRequest('a')
    records.submitted('a', request, 'task')
    records.finished('a', request, 'task', 'e', applyReply('a'), 'now')
    records.submitted('a', request, 'task')
    expect(records.standing('a')).toBe('noted')
    records.validate()
  })
})

import { describe, expect, it } from 'vitest'
import { TaskHistory } from '../../../../src/controller/state/task-history.ts'

describe('TaskHistory', () => {
  it.each(['s_1_0', 's_1_1', 's_1_999999999', 's_1_12345678901', 's_1_01', 'odd', '', '_', 'x_y_z'])(
    'remembers how %j ended, and where',
    id => {
      const history = new TaskHistory()
      expect(history.outcome(id)).toBe('unseen')
      expect(history.engineOf(id)).toBeUndefined()
      history.finished(id, true, 0)
      expect([history.outcome(id), history.engineOf(id)]).toEqual(['ok', 0])
      history.finished(id, false, 41)
      expect([history.outcome(id), history.engineOf(id)]).toEqual(['failed', 41])
      history.finished(id, false, undefined)
      expect([history.outcome(id), history.engineOf(id)]).toEqual(['failed', undefined])
    },
  )

  it('tells neighbours apart', () => {
    const history = new TaskHistory()
    for (let i = 0; i < 2000; i++) history.finished(`p_${i % 2}_${i}`, i % 3 !== 0, i % 7)
    for (let i = 0; i < 2000; i++) {
      expect(history.outcome(`p_${i % 2}_${i}`)).toBe(i % 3 === 0 ? 'failed' : 'ok')
      expect(history.engineOf(`p_${i % 2}_${i}`)).toBe(i % 7)
      expect(history.outcome(`p_${(i + 1) % 2}_${i}`)).toBe('unseen')
    }
  })

  it('forgets the oldest odd names beyond its limit', () => {
    const history = new TaskHistory()
    for (let i = 0; i <= 65_536; i++) history.finished(`odd-${i}`, true, 1)
    expect(history.outcome('odd-0')).toBe('unseen')
    expect(history.outcome('odd-1')).toBe('ok')
  })
})

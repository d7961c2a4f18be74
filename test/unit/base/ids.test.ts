import { describe, expect, it } from 'vitest'
import {
  jobOfEngine,
  newEngineUuid,
  newForeignEngineUuid,
  newJobName,
  newSessionId,
  SAFE_ID,
  taskName,
  taskOfEngine,
} from '../../../src/base/ids.ts'

describe('newEngineUuid', () => {
  it('tells job and task of an engine, whatever its language, and is as long as any', () => {
    const job = newJobName()
    for (const task of ['0', '7', '99999'])
      for (const uuid of [newEngineUuid(taskName(job, task)), newForeignEngineUuid(taskName(job, task))]) {
        expect([jobOfEngine(uuid), taskOfEngine(uuid)]).toEqual([job, task])
        expect(uuid).toHaveLength(newSessionId().length)
        expect(uuid).toMatch(SAFE_ID)
      }
  })

  it('tells no task of an engine that is none', () => {
    for (const uuid of [newEngineUuid(), newForeignEngineUuid(), newEngineUuid(newJobName())])
      expect(taskOfEngine(uuid)).toBeUndefined()
  })
})

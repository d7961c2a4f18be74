import { beforeEach, describe, expect, it } from 'vitest'
import type { Task } from '../../../../src/controller/state/task.ts'
import { SchedulerParts } from './scheduler-parts.ts'

let parts: SchedulerParts

beforeEach(() => {
  parts = new SchedulerParts()
})

const run = (task: Task): string[] => parts.did(effects => parts.assignment.run(task, 0, effects))
const fill = (uuid: string): string[] =>
  parts.did(effects => parts.assignment.fill(parts.pool.get(uuid)!, effects))
const fillAllAgain = (): string[] => parts.did(effects => parts.assignment.fillAllAgain(effects))

/** A task that was with an engine when it died. */
function suspect(msgId: string): Task {
  const task = parts.task(msgId)
  task.diedWith({ uuid: 'dead', id: 0, cause: undefined })
  return task
}

describe('Assignment', () => {
  it('gives a task to the engine whose turn it is, and lets it wait where none has room', () => {
    parts.join('a', 'b')
    const tasks = ['t1', 't2', 't3'].map(name => parts.task(name))
    expect(tasks.map(run)).toEqual([['t1 > b'], ['t2 > a'], []])
    expect(tasks.map(({ stage, engine }) => [stage, engine])).toEqual([
      ['assigned', 'b'],
      ['assigned', 'a'],
      ['queued', undefined],
    ])
  })

  it('starts the time of a task when it begins to wait, and stops it when an engine gets it', () => {
    const task = parts.task('t1', { timeout: 2 })
    parts.did(effects => parts.assignment.run(task, 500, effects))
    expect(parts.table.timeouts.wakeAtMs).toBe(2500)
    parts.join('a')
    expect(fill('a')).toEqual(['t1 > a'])
    expect(parts.table.timeouts.wakeAtMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('fails a task that no engine can ever run, and one that somebody wants to end', () => {
    parts.join('a')
    const refused = parts.task('t1')
    refused.refuse('a', 'no')
    expect(run(refused)).toEqual(['t1 ! ImpossibleDependency'])
    const aborted = parts.task('t2')
    aborted.isAborted = true
    expect(run(aborted)).toEqual(['t2 ! TaskAborted'])
    expect(parts.table.tasks.size).toBe(0)
  })

  it('has the bytes of a task made anew for an engine that may know them', () => {
    parts.join('a')
    const task = parts.task('t1')
    task.left('a')
    expect(run(task)).toEqual(['t1 > a refreshed'])
  })

  it('fills an engine with what waits for it, the first first, until it has no more room', () => {
    parts = new SchedulerParts(2)
    parts.join('b')
    const busy = ['b1', 'b2'].map(name => parts.task(name))
    expect(busy.flatMap(run)).toEqual(['b1 > b', 'b2 > b'])
    for (const name of ['t1', 't2', 't3', 't4'])
      expect(run(parts.task(name, name === 't2' ? { targets: ['b'] } : {}))).toEqual([])
    parts.join('a')
    expect(fill('a')).toEqual(['t1 > a', 't3 > a'])
    for (const task of busy) parts.end(task)
    expect(fill('b')).toEqual(['t2 > b', 't4 > b'])
    expect(parts.table.waiting.size).toBe(0)
  })

  it('lets a suspect run alone, and while one waits gives no engine a second task', () => {
    parts = new SchedulerParts(2)
    parts.join('a')
    const first = parts.task('t1')
    expect(run(first)).toEqual(['t1 > a'])
    expect(run(suspect('s'))).toEqual([])
    expect(run(parts.task('t2'))).toEqual([])
    expect(fillAllAgain()).toEqual([])
    parts.end(first)
    expect(fill('a')).toEqual(['s > a'])
    // It is alone there, and the others may have as many as before.
    expect(fillAllAgain()).toEqual([])
    parts.join('b')
    run(parts.task('t3'))
    expect(fill('b')).toEqual(['t2 > b'])
    expect([...parts.pool.get('a')!.outstanding.keys()]).toEqual(['s'])
  })

  it('knows whether an engine could take a task that waits', () => {
    const waiting = parts.task('t1', { targets: ['b'] })
    // An engine that there is not would be the end of it: `b` is there, and busy.
    parts.join('b')
    run(parts.task('t0'))
    run(waiting)
    expect(parts.assignment.canRun(waiting)).toBe(false)
    parts.join('a')
    expect(parts.assignment.canRun(waiting)).toBe(false)
    parts.end(parts.table.tasks.get('t0')!)
    expect(parts.assignment.canRun(waiting)).toBe(true)
  })

  it('lets the recall know of an engine that finds nothing to do', () => {
    parts = new SchedulerParts(2)
    parts.join('a')
    for (const name of ['t1', 't2']) run(parts.task(name))
    expect(parts.recall.wakeAtMs).toBe(Number.POSITIVE_INFINITY)
    parts.join('b')
    expect(fill('b')).toEqual([])
    expect(parts.recall.wakeAtMs).toBeLessThan(Number.POSITIVE_INFINITY)
  })
})

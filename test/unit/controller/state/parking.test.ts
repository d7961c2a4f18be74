import { beforeEach, describe, expect, it } from 'vitest'
import type { Task } from '../../../../src/controller/state/task.ts'
import type { Json } from '../../../../src/protocol/envelope.ts'
import { SchedulerParts } from './scheduler-parts.ts'

let parts: SchedulerParts
let first: Task

beforeEach(() => {
  parts = new SchedulerParts()
  parts.join('a')
  first = parts.task('first')
  parts.did(effects => parts.assignment.run(first, 0, effects))
})

function park(msgId: string, metadata: Json): string[] {
  const task = parts.task(msgId, metadata)
  return parts.did(effects => parts.parking.add(task, 0, effects))
}

const tellOfEnded = (): string[] => parts.did(effects => parts.parking.tellOfEnded(0, effects))

/** The engine is gone, with nothing in hand. */
function leave(uuid: string): string[] {
  parts.pool.remove(parts.pool.get(uuid)!)
  return parts.did(effects => parts.parking.engineLeft(0, effects))
}

describe('Parking', () => {
  it('lets a task run when the last of those that it comes after has ended', () => {
    const second = parts.task('second')
    parts.did(effects => parts.assignment.run(second, 0, effects))
    expect(park('t', { after: ['first', 'second'] })).toEqual([])
    parts.end(first)
    parts.did(effects => parts.assignment.fill(parts.pool.get('a')!, effects))
    expect(tellOfEnded()).toEqual([])
    parts.end(second)
    expect(tellOfEnded()).toEqual(['t > a'])
  })

  it('lets a task run at once that comes after what has ended before', () => {
    parts.end(first)
    expect(park('t', { after: ['first'] })).toEqual(['t > a'])
  })

  it('refuses a dependency on what is unknown, and on the task itself', () => {
    expect(park('t', { after: ['nobody'] })).toEqual(['t ! InvalidDependency'])
    expect(park('u', { after: ['u'] })).toEqual(['u ! InvalidDependency'])
  })

  it('fails a whole chain when its first link fails, whatever its length', () => {
    const length = 10_000
    for (let i = 0; i < length; i++) park(`t${i}`, { after: [i === 0 ? 'first' : `t${i - 1}`] })
    parts.end(first, false)
    const told = tellOfEnded()
    expect(told).toHaveLength(length)
    expect(new Set(told.map(line => line.split(' ! ')[1]))).toEqual(new Set(['ImpossibleDependency']))
    expect(parts.table.tasks.size).toBe(0)
  })

  it('tells a task that waits for others when none of its targets is left, and lets the rest wait', () => {
    parts.join('b')
    park('bound', { after: ['first'], targets: ['b'] })
    park('free', { after: ['first'] })
    expect(leave('b')).toEqual(['bound ! ImpossibleDependency'])
    expect(parts.table.tasks.get('free')?.stage).toBe('parked')
  })

  it('counts the time that a task waits from when it came, wherever it waits', () => {
    park('t', { after: ['first'], timeout: 3 })
    expect(parts.table.timeouts.wakeAtMs).toBe(3000)
    parts.end(first)
    const next = parts.task('next')
    parts.did(effects => parts.assignment.run(next, 0, effects))
    expect(tellOfEnded()).toEqual([])
    expect(parts.table.tasks.get('t')?.stage).toBe('queued')
    expect(parts.table.timeouts.wakeAtMs).toBe(3000)
  })

  it('looks again at a task that waits for an engine already when more of what it follows has ended', () => {
    parts.join('b')
    const second = parts.task('second')
    parts.did(effects => parts.assignment.run(second, 0, effects))
    expect(second.engine).toBe('b')
    park('t', { follow: { dependencies: ['first', 'second'], all: false } })
    parts.end(first)
    const next = parts.task('next', { targets: ['a'] })
    parts.did(effects => parts.assignment.run(next, 0, effects))
    expect(tellOfEnded()).toEqual([])
    expect(parts.table.tasks.get('t')?.stage).toBe('queued')
    parts.end(second)
    expect(tellOfEnded()).toEqual(['t > b'])
  })
})

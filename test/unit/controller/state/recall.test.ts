import { beforeEach, describe, expect, it } from 'vitest'
import type { TaskQueueEffect, TaskQueueEvent } from '../../../../src/controller/state/task-events.ts'
import { TaskQueue } from '../../../../src/controller/state/task-queue.ts'
import { applyReply, applyRequest, clientA, OWN } from '../tools.ts'

let queue: TaskQueue
let nowMs: number
/** Signatures that engines were sent, as the shell notes them: the task's name and how often it was sent. */
let sent: Map<string, number>

beforeEach(() => {
  queue = new TaskQueue({ scheme: 'leastload', hwm: 'auto', random: () => 0 })
  nowMs = 0
  sent = new Map()
})

/** Has the queue handle an event; what it wants done, a line an effect. */
function handle(event: TaskQueueEvent): string[] {
  const effects = queue.handle(event, nowMs)
  queue.validate()
  return effects.map(line)
}

function line(effect: TaskQueueEffect): string {
  if (effect.type === 'recall_tasks')
    return `${effect.engine} < ${effect.tasks.map(task => task.sentAs!.toString()).join(' ')}`
  if (effect.type !== 'dispatch_task') return effect.type
  const { task, engine, refresh } = effect
  const times = (sent.get(task.msgId) ?? 0) + 1
  sent.set(task.msgId, times)
  task.sentAs = Buffer.from(`${task.msgId}.${times}`)
  return `${task.msgId} > ${engine}${refresh ? ' refreshed' : ''}`
}

function join(engine: string, recalls = true): string[] {
  return handle({ type: 'engine_joined', engine, id: engine.charCodeAt(0), recalls })
}

function submit(msgId: string, metadata = OWN): string[] {
  const request = applyRequest(msgId, metadata)
  return handle({ type: 'task_submitted', msgId, client: clientA, request, metadata })
}

function reply(engine: string, msgId: string): string[] {
  const metadata = { status: 'ok', run_ms: 0.1 }
  return handle({ type: 'task_replied', engine, msgId, reply: applyReply(msgId, metadata), metadata })
}

function giveBack(engine: string, ...signatures: string[]): string[] {
  return handle({ type: 'tasks_given_back', engine, signatures: new Set(signatures) })
}

/** Time passes, with a tick whenever the queue asks for one. */
function wait(ms: number): string[] {
  const untilMs = nowMs + ms
  const lines: string[] = []
  while (queue.wakeAtMs <= untilMs) {
    nowMs = queue.wakeAtMs
    lines.push(...handle({ type: 'tick' }))
  }
  nowMs = untilMs
  return lines
}

/** Engine `a` has `long` in hand, and `s1` and `s2` behind it; `b` has nothing left to do. */
function behindALongTask(): void {
  join('a')
  // Short tasks widen what it may hold.
  for (const name of ['w1', 'w2', 'w3', 'long', 's1', 's2']) submit(name)
  reply('a', 'w1')
  reply('a', 'w2')
  reply('a', 'w3')
  expect(queue.tasksOf('a')).toEqual(['long', 's1', 's2'])
  join('b')
}

describe('a recall', () => {
  it('a recall asks an engine that is busy for longer than expected, and gives its tasks to an idle one', () => {
    behindALongTask()
    expect(wait(9)).toEqual([])
    expect(wait(1)).toEqual(['a < s1.1 s2.1'])
    expect(giveBack('a', 's1.1', 's2.1')).toEqual(['s1 > b'])
    expect(reply('b', 's1')).toEqual(['relay_reply', 's2 > b'])
    expect(reply('b', 's2')).toEqual(['relay_reply'])
    expect(queue.tasksOf('a')).toEqual(['long'])
    expect(reply('a', 'long')).toEqual(['relay_reply'])
    expect(queue.wakeAtMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('a recall leaves with the engine what it does not give back', () => {
    behindALongTask()
    wait(10)
    expect(giveBack('a', 's2.1')).toEqual(['s2 > b'])
    expect(queue.tasksOf('a')).toEqual(['long', 's1'])
    expect(reply('a', 's1')).toEqual(['relay_reply'])
  })

  it('a recall asks an engine once, and again when something has ended there', () => {
    behindALongTask()
    wait(10)
    expect(wait(1000)).toEqual([])
    reply('a', 'long')
    // An engine that comes finds nothing to do.
    join('c')
    expect(wait(10)).toEqual(['a < s2.1'])
  })

  it('a recall comes only when an engine has nothing to do', () => {
    join('a')
    for (const name of ['w1', 'w2', 'long', 's1']) submit(name)
    reply('a', 'w1')
    reply('a', 'w2')
    expect(wait(1000)).toEqual([])
    join('b')
    submit('other')
    expect(queue.tasksOf('b')).toEqual(['other'])
    expect(wait(1000)).toEqual([])
  })

  it('a recall is never sent to an engine that did not say that it knows it', () => {
    join('a', false)
    for (const name of ['w1', 'w2', 'long', 's1']) submit(name)
    reply('a', 'w1')
    reply('a', 'w2')
    expect(queue.tasksOf('a')).toEqual(['long', 's1'])
    join('b')
    expect(wait(1000)).toEqual([])
  })

  it('a recall puts nothing behind the long task again', () => {
    behindALongTask()
    wait(10)
    giveBack('a', 's1.1', 's2.1')
    expect(submit('s3')).toEqual([])
    expect(queue.tasksOf('a')).toEqual(['long'])
  })

  it('a task that comes to the same engine again is known by its new bytes: an old answer does not count', () => {
    behindALongTask()
    wait(10)
    // The connection is lost and comes back: all of it goes again, refreshed.
    handle({ type: 'engine_disconnected', engine: 'a' })
    handle({ type: 'engine_reconnected', engine: 'a' })
    const holder = (name: string) => ['a', 'b'].find(engine => queue.tasksOf(engine).includes(name))
    const before = ['long', 's1', 's2'].map(holder)
    expect(giveBack('a', 's1.1', 's2.1')).toEqual([])
    expect(['long', 's1', 's2'].map(holder)).toEqual(before)
  })

  it('a recall whose answer comes after the death of its engine changes nothing', () => {
    behindALongTask()
    wait(10)
    handle({ type: 'engine_left', engine: 'a', cause: { signal: 'SIGKILL' } })
    expect(giveBack('a', 's1.1', 's2.1')).toEqual([])
    expect(queue.unassigned().length + queue.tasksOf('b').length).toBe(3)
  })

  it('a recalled task that may run nowhere else goes back behind the long one', () => {
    join('a')
    for (const name of ['w1', 'w2', 'long']) submit(name)
    submit('s1', { ...OWN, targets: ['a'] } as typeof OWN)
    reply('a', 'w1')
    reply('a', 'w2')
    join('b')
    expect(wait(10)).toEqual(['a < s1.1'])
    expect(giveBack('a', 's1.1')).toEqual([])
    expect(reply('a', 'long')).toEqual(['relay_reply', 's1 > a refreshed'])
  })

  it('a recall asks nobody because an engine of another language is idle', () => {
    join('js-a')
    const mine = { itsparallel: { v: 1, lang: 'javascript' } }
    for (const name of ['w1', 'w2', 'w3', 'long', 's1', 's2']) submit(name, mine)
    for (const name of ['w1', 'w2', 'w3']) reply('js-a', name)
    join('python')
    expect(wait(1000)).toEqual([])
    join('js-b')
    expect(wait(10)).toEqual(['js-a < s1.1 s2.1'])
  })

  it('a recall whose answer may be lost with a connection counts as answered: what was asked for goes again', () => {
    behindALongTask()
    wait(10)
    handle({ type: 'control_disconnected', engine: 'a' })
    expect(queue.tasksOf('a')).toEqual(['long', 's1', 's2'])
    expect(handle({ type: 'control_reconnected', engine: 'a' })).toEqual(['s1 > b'])
    expect(queue.tasksOf('a')).toEqual(['long'])
    // An answer that comes late speaks of bytes that nobody counts on any more.
    expect(giveBack('a', 's1.1', 's2.1')).toEqual([])
    expect(reply('a', 's1')).toEqual(['drop_reply'])
    expect(reply('b', 's1')).toEqual(['relay_reply', 's2 > b'])
  })

  it('a recall that was answered before its connection broke leaves the engine what it has begun', () => {
    behindALongTask()
    wait(10)
    giveBack('a', 's2.1')
    handle({ type: 'control_disconnected', engine: 'a' })
    expect(handle({ type: 'control_reconnected', engine: 'a' })).toEqual([])
    expect(queue.tasksOf('a')).toEqual(['long', 's1'])
  })
})

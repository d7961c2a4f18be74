import { describe, expect, it } from 'vitest'
import type {
  TaskQueueEffect,
  TaskQueueEvent,
  TaskQueueOptions,
} from '../../../../src/controller/state/task-events.ts'
import { TaskQueue } from '../../../../src/controller/state/task-queue.ts'
import type { DeathCause } from '../../../../src/protocol/catalogue.ts'
import type { Json } from '../../../../src/protocol/envelope.ts'
import { applyReply, applyRequest, clientA, OWN } from '../tools.ts'
import { seeded } from './seeded.ts'

const SIGKILL: DeathCause = { signal: 'SIGKILL' }

/** One line an effect: `t1 > a`, `a > t1 ok`, `t1 ! TaskTimeout`. */
function line(effect: TaskQueueEffect): string {
  switch (effect.type) {
    case 'dispatch_task':
      return `${effect.task.msgId} > ${effect.engine}${effect.refresh ? ' refreshed' : ''}`
    case 'relay_reply':
      return `${effect.engine} > ${effect.task.msgId} ${effect.reply.metadata.status}`
    case 'answer_error':
      return `${effect.task.msgId} ! ${effect.error.ename}${effect.engine === undefined ? '' : ` as ${effect.engine}`}`
    case 'drop_reply':
      return `${effect.engine} x ${effect.msgId}`
    case 'recall_tasks':
      return `${effect.engine} < ${effect.tasks.map(task => task.msgId).join(' ')}`
  }
}

class World {
  readonly queue: TaskQueue
  nowMs = 0
  #engines = 0

  constructor(options: Partial<TaskQueueOptions> = {}) {
    this.queue = new TaskQueue({ scheme: 'leastload', hwm: 1, random: () => 0, ...options })
  }

  #after(effects: TaskQueueEffect[]): string[] {
    this.queue.validate()
    this.last = effects
    for (const effect of effects) {
      if (effect.type !== 'relay_reply' && effect.type !== 'answer_error') continue
      this.answers.set(effect.task.msgId, (this.answers.get(effect.task.msgId) ?? 0) + 1)
    }
    return effects.map(line)
  }
  last: TaskQueueEffect[] = []
  /** How many answers each task got. */
  readonly answers = new Map<string, number>()

  join(...names: string[]): string[] {
    return names.flatMap(engine =>
      this.#after(this.queue.handle({ type: 'engine_joined', engine, id: this.#engines++ }, this.nowMs)),
    )
  }

  leave(engine: string, cause: DeathCause | undefined = SIGKILL, orderly = false): string[] {
    return this.#after(this.queue.handle({ type: 'engine_left', engine, cause, orderly }, this.nowMs))
  }

  reconnect(engine: string): string[] {
    this.disconnect(engine)
    return this.comeBack(engine)
  }

  disconnect(engine: string): void {
    this.#after(this.queue.handle({ type: 'engine_disconnected', engine }, this.nowMs))
  }

  comeBack(engine: string): string[] {
    return this.#after(this.queue.handle({ type: 'engine_reconnected', engine }, this.nowMs))
  }

  submit(msgId: string, metadata: Json = {}): string[] {
    const request = applyRequest(msgId, metadata)
    const event = { type: 'task_submitted', msgId, client: clientA, request, metadata } as const
    return this.#after(this.queue.handle(event, this.nowMs))
  }

  reply(engine: string, msgId: string, metadata: Json = { status: 'ok' }, refusal?: string): string[] {
    const event = {
      type: 'task_replied',
      engine,
      msgId,
      reply: applyReply(msgId, metadata),
      metadata,
      refusal,
    } as const
    return this.#after(this.queue.handle(event, this.nowMs))
  }

  error(engine: string, msgId: string): string[] {
    return this.reply(engine, msgId, { status: 'error' })
  }

  abort(...msgIds: string[]): string[] {
    return this.#after(this.queue.handle({ type: 'tasks_aborted', msgIds }, this.nowMs))
  }

  refuse(engine: string, msgId: string, refusal?: string): string[] {
    return this.reply(engine, msgId, { status: 'error', dependencies_met: false }, refusal)
  }

  wait(ms: number): string[] {
    const lines: string[] = []
    const untilMs = this.nowMs + ms
    while (this.queue.wakeAtMs <= untilMs) {
      this.nowMs = this.queue.wakeAtMs
      lines.push(...this.#after(this.queue.handle({ type: 'tick' }, this.nowMs)))
    }
    this.nowMs = untilMs
    return lines
  }

  /** As the other calls, without checking the machine: for thousands of events. */
  run(event: TaskQueueEvent): void {
    for (const effect of this.queue.handle(event, this.nowMs)) {
      if (effect.type === 'dispatch_task') this.#dispatched.push([effect.engine, effect.task.msgId])
    }
  }
  readonly #dispatched: [engine: string, msgId: string][] = []

  /** Answers all that is with engines, and what that sets free. @returns how many that were. */
  runAll(): number {
    for (let at = 0; at < this.#dispatched.length; at++) {
      const [engine, msgId] = this.#dispatched[at]!
      const metadata = { status: 'ok' }
      this.run({ type: 'task_replied', engine, msgId, reply: applyReply(msgId, metadata), metadata })
    }
    return this.#dispatched.length
  }

  holderOf(msgId: string): string | undefined {
    return ['a', 'b', 'c'].find(engine => this.queue.tasksOf(engine).includes(msgId))
  }

  /** Text of the error that was answered last. */
  get evalue(): string {
    const effect = this.last.findLast(one => one.type === 'answer_error')
    return effect?.type === 'answer_error' ? effect.error.evalue : ''
  }
}

/** How often maps and sets are asked while `action` runs: work that does not depend on the clock. */
function lookUps(action: () => void): number {
  let count = 0
  const spies = [Map.prototype, Set.prototype].flatMap(prototype =>
    (['get', 'has', 'add', 'set', 'delete'] as const)
      .filter(name => name in prototype)
      .map(name => {
        const original = Reflect.get(prototype, name) as (...args: unknown[]) => unknown
        Reflect.set(prototype, name, function (this: unknown, ...args: unknown[]) {
          count += 1
          return original.apply(this, args)
        })
        return () => Reflect.set(prototype, name, original)
      }),
  )
  try {
    action()
  } finally {
    for (const restore of spies) restore()
  }
  return count
}

describe('TaskQueue', () => {
  it('TaskQueue would pass a reply that comes in on where it is the answer that a client of ours waits for', () => {
    const world = new World()
    world.join('a', 'b')
    world.submit('own', OWN)
    world.submit('stock')
    const would = (msgId: string, engine: string): boolean => world.queue.wouldRelay(msgId, engine)
    expect([would('own', 'b'), would('own', 'a'), would('stock', 'a')]).toEqual([true, false, false])
    world.leave('b')
    expect(would('own', 'b')).toBe(false)
  })

  it('[49] keeps tasks until an engine comes', () => {
    const world = new World()
    expect(world.submit('t1')).toEqual([])
    expect(world.submit('t2')).toEqual([])
    expect(world.queue.unassigned()).toEqual(['t1', 't2'])
    expect(world.join('a')).toEqual(['t1 > a'])
    expect(world.reply('a', 't1')).toEqual(['a > t1 ok', 't2 > a'])
    expect(world.queue.story('t2')).toEqual(['submitted', 'assigned to engine a'])
  })

  it('[57] tells where every task is', () => {
    const world = new World()
    world.join('a')
    world.submit('t1')
    world.submit('t2')
    expect(world.queue.tasksOf('a')).toEqual(['t1'])
    expect(world.queue.unassigned()).toEqual(['t2'])
    world.reply('a', 't1')
    expect(world.queue.tasksOf('a')).toEqual(['t2'])
    expect([world.queue.isPending('t1'), world.queue.isPending('t2')]).toEqual([false, true])
  })

  it('gives one answer for a name that was used twice', () => {
    const world = new World({ hwm: 0 })
    world.join('a', 'b')
    expect([...world.submit('t'), ...world.submit('t')]).toEqual(['t > b', 't > a'])
    expect(world.reply('b', 't')).toEqual(['b x t'])
    expect(world.reply('a', 't')).toEqual(['a > t ok'])
    expect(world.reply('a', 't')).toEqual(['a x t'])
  })

  it('drops replies that nobody waits for, and counts them', () => {
    const world = new World()
    world.join('a')
    expect(world.reply('a', 'never')).toEqual(['a x never'])
    expect(world.reply('stranger', 'never')).toEqual(['stranger x never'])
    expect(world.queue.repliesDropped).toBe(2)
  })

  it.each([
    [{ targets: 'a' }, 'TypeError'],
    [{ targets: [1] }, 'TypeError'],
    [{ timeout: 'soon' }, 'TypeError'],
    [{ retries: {} }, 'TypeError'],
    [{ after: 7 }, 'InvalidDependency'],
    [{ follow: { dependencies: ['x'], success: false, failure: false } }, 'InvalidDependency'],
  ])('answers metadata %j with an error', (metadata, ename) => {
    const world = new World()
    world.join('a')
    expect(world.submit('t', metadata)).toEqual([`t ! ${ename}`])
    expect(world.submit('u')).toEqual(['u > a'])
  })

  describe('[50] targets', () => {
    it('are honoured', () => {
      const world = new World()
      world.join('a', 'b')
      expect(world.submit('t1', { targets: ['a'] })).toEqual(['t1 > a'])
      expect(world.submit('t2', { targets: ['a'] })).toEqual([])
      expect(world.submit('t3')).toEqual(['t3 > b'])
      expect(world.reply('b', 't3')).toEqual(['b > t3 ok'])
      expect(world.reply('a', 't1')).toEqual(['a > t1 ok', 't2 > a'])
    })

    it('that are all unknown are impossible', () => {
      const world = new World()
      expect(world.submit('t', { targets: ['nobody'] })).toEqual(['t ! ImpossibleDependency'])
      expect(world.submit('t', { targets: ['nobody'], ...OWN })).toEqual(['t ! ImpossibleDependency'])
    })

    it('that die while a task waits for them end it', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t1', { targets: ['a'] })
      world.submit('t2', { targets: ['a'] })
      world.submit('t3', { targets: ['a'], ...OWN })
      expect(world.leave('a')).toEqual(['t2 ! ImpossibleDependency', 't3 ! EngineError'])
      expect(world.evalue).toContain('engine 0 (killed by SIGKILL)')
    })

    it('serve the first come first, whichever line they stand in', () => {
      const world = new World()
      world.join('a')
      world.submit('busy')
      world.submit('t1', { targets: ['a'] })
      world.submit('t2')
      world.submit('t3', { targets: ['a', 'b'] })
      expect(world.reply('a', 'busy')).toEqual(['a > busy ok', 't1 > a'])
      expect(world.reply('a', 't1')).toEqual(['a > t1 ok', 't2 > a'])
      expect(world.reply('a', 't2')).toEqual(['a > t2 ok', 't3 > a'])
    })
  })

  describe('languages', () => {
    const inLanguage = (lang: string, metadata: Json = {}): Json => ({
      ...metadata,
      itsparallel: { v: 1, lang },
    })
    const js = (metadata: Json = {}) => inLanguage('javascript', metadata)

    it('keeps a task from an engine of another language that joins while it waits', () => {
      const world = new World()
      world.join('js-a')
      world.submit('running', js())
      world.submit('t', js())
      world.submit('p', inLanguage('python'))
      expect(world.join('b')).toEqual(['p > b'])
      expect(world.reply('b', 'p')).toEqual(['b > p ok'])
      expect(world.submit('u', js())).toEqual([])
      expect(world.reply('js-a', 'running')).toEqual(['js-a > running ok', 't > js-a'])
    })

    it('lets a task wait while nobody runs its language, through the deaths of others', () => {
      const world = new World()
      expect(world.submit('t', js())).toEqual([])
      expect(world.join('a')).toEqual([])
      expect(world.submit('u', js())).toEqual([])
      expect(world.leave('a')).toEqual([])
      expect(world.join('js-b')).toEqual(['t > js-b'])
      expect(world.reply('js-b', 't')).toEqual(['js-b > t ok', 'u > js-b'])
    })

    it('takes what an engine tells of itself for true, whatever its uuid says', () => {
      const world = new World()
      const event = { type: 'engine_joined', engine: 'a', id: 0, language: 'javascript' } as const
      world.queue.handle(event, world.nowMs)
      expect(world.submit('t', js())).toEqual(['t > a'])
    })

    it('counts only engines of its language for refusals, failures, deaths and targets', () => {
      const world = new World()
      world.join('js-a', 'b')
      world.submit('refused', js())
      expect(world.refuse('js-a', 'refused')).toEqual(['refused ! ImpossibleDependency'])
      world.submit('failing', js({ retries: 1 }))
      expect(world.error('js-a', 'failing')).toEqual(['failing > js-a refreshed'])
      world.reply('js-a', 'failing')
      expect(world.submit('elsewhere', js({ targets: ['b'] }))).toEqual(['elsewhere ! ImpossibleDependency'])
      world.submit('t', js({ targets: ['js-a', 'b'] }))
      expect(world.leave('js-a')).toEqual(['t ! EngineError'])
      world.join('js-c')
      world.submit('u', js())
      expect(world.leave('js-c')).toEqual([])
      expect(world.join('js-d')).toEqual(['u > js-d'])
    })

    it('does not look at what a stock client says about it', () => {
      const world = new World()
      world.join('a')
      expect(world.submit('t', { itsparallel: { lang: 'javascript' } })).toEqual(['t > a'])
    })
  })

  describe('[51] after and follow', () => {
    it('after waits for its task', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t1')
      expect(world.submit('t2', { after: ['t1'] })).toEqual([])
      expect(world.reply('b', 't1')).toEqual(['b > t1 ok', 't2 > a'])
      expect(world.submit('t3', { after: ['t1'] })).toEqual(['t3 > b'])
    })

    it.each([
      ['an unknown id', { after: ['nosuch'] }],
      ['its own id', { after: ['t'] }],
      ['an unknown id to follow', { follow: ['nosuch'] }],
    ])('%s is invalid', (_name, metadata) => {
      const world = new World()
      world.join('a')
      expect(world.submit('t', metadata)).toEqual(['t ! InvalidDependency'])
    })

    it('a failure brings down a whole chain at once', () => {
      const world = new World()
      world.join('a')
      world.submit('t0')
      for (let i = 1; i < 10_000; i++) {
        const metadata = { after: [`t${i - 1}`] }
        const request = applyRequest(`t${i}`, metadata)
        const event = { type: 'task_submitted', msgId: `t${i}`, client: clientA, request, metadata } as const
        expect(world.queue.handle(event, 0)).toEqual([])
      }
      const lines = world.error('a', 't0')
      expect(lines).toHaveLength(10_000)
      expect(lines.at(-1)).toBe('t9999 ! ImpossibleDependency')
      expect(world.submit('late', { after: ['t0'] })).toEqual(['late ! ImpossibleDependency'])
    })

    it('failure: true waits for a failure', () => {
      const world = new World()
      world.join('a')
      world.submit('t1')
      world.submit('t2', { after: { dependencies: ['t1'], success: false, failure: true } })
      expect(world.error('a', 't1')).toEqual(['a > t1 error', 't2 > a'])
    })

    it('all: false needs one of them', () => {
      const world = new World({ hwm: 0 })
      world.join('a')
      world.submit('t1')
      world.submit('t2')
      world.submit('t3', { after: { dependencies: ['t1', 't2'], all: false } })
      expect(world.error('a', 't1')).toEqual(['a > t1 error'])
      expect(world.reply('a', 't2')).toEqual(['a > t2 ok', 't3 > a'])
    })

    it('follow runs where the other ran', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t1')
      world.reply('b', 't1')
      expect(world.submit('t2', { follow: ['t1'] })).toEqual(['t2 > b'])
      expect(world.submit('t3', { follow: ['t1'] })).toEqual([])
      expect(world.reply('b', 't2')).toEqual(['b > t2 ok', 't3 > b'])
    })

    it('follow waits for a task that still runs', () => {
      const world = new World({ hwm: 0 })
      world.join('a', 'b')
      world.submit('t1')
      expect(world.submit('t2', { follow: ['t1'] })).toEqual([])
      expect(world.reply('b', 't1')).toEqual(['b > t1 ok', 't2 > b'])
    })

    it('follow of two tasks that ran on two engines is impossible', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t1')
      world.submit('t2')
      world.reply('a', 't2')
      world.reply('b', 't1')
      expect(world.submit('t3', { follow: ['t1', 't2'] })).toEqual(['t3 ! ImpossibleDependency'])
      expect(world.submit('t4', { follow: { dependencies: ['t1', 't2'], all: false } })).toHaveLength(1)
    })

    it('follow of an engine that died is impossible', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t1')
      world.reply('b', 't1')
      world.leave('b')
      expect(world.submit('t2', { follow: ['t1'] })).toEqual(['t2 ! ImpossibleDependency'])
    })
  })

  describe('dependencies that can no longer be met', () => {
    it.each<[string, Json, string]>([
      ['an unknown id', { after: ['x'] }, 'task t depends on x, which is unknown here'],
      ['its own id', { follow: ['t'] }, 'task t depends on itself'],
      ['a failure', { after: ['ok', 'bad'] }, '`after` can no longer be met: task bad failed'],
      [
        'a success where a failure is wanted',
        { follow: { dependencies: ['ok'], success: false, failure: true } },
        '`follow` can no longer be met: task ok did not fail',
      ],
      [
        'any of several, all failed',
        { after: { dependencies: ['bad', 'bad2'], all: false } },
        '`after` can no longer be met: every one of its 2 tasks failed',
      ],
      ['targets that never were', { targets: ['x'], after: ['open'] }, 'none of the 1 engines'],
    ])('%s is told in words', (_name, metadata, text) => {
      const world = new World({ hwm: 0 })
      world.join('a')
      for (const id of ['ok', 'bad', 'bad2', 'open']) world.submit(id)
      world.reply('a', 'ok')
      world.error('a', 'bad')
      world.error('a', 'bad2')
      expect(world.submit('t', { ...metadata, ...OWN })).toHaveLength(1)
      expect(world.evalue).toContain(text)
      expect(world.answers.get('t')).toBe(1)
    })

    it('are noticed while the task still waits for others: its only target dies', () => {
      const world = new World({ hwm: 0 })
      world.join('a', 'b')
      world.submit('slow', { targets: ['b'], ...OWN })
      expect(world.submit('t', { targets: ['a'], after: ['slow'], ...OWN })).toEqual([])
      expect(world.leave('a')).toEqual(['t ! EngineError'])
      expect(world.evalue).toContain('engine 0 (killed by SIGKILL)')
    })

    it('are noticed while the task still waits for others: the engine that it must follow dies', () => {
      const world = new World({ hwm: 0 })
      world.join('a', 'b')
      world.submit('first', { targets: ['a'], ...OWN })
      world.submit('slow', { targets: ['b'], ...OWN })
      world.reply('a', 'first')
      expect(world.submit('t', { follow: ['first', 'slow'], ...OWN })).toEqual([])
      expect(world.submit('u', { follow: ['first'], after: ['slow'], ...OWN })).toEqual([])
      expect(world.leave('a')).toEqual(['t ! ImpossibleDependency', 'u ! ImpossibleDependency'])
      expect(world.evalue).toBe(
        '`follow` can no longer be met: where its tasks ran is gone, engine 0 (killed by SIGKILL)',
      )
      expect(world.reply('b', 'slow')).toEqual(['b > slow ok'])
    })

    it('are noticed when the tasks to follow end on different engines, before the last of them has', () => {
      const world = new World({ hwm: 0 })
      world.join('a', 'b')
      world.submit('t1', { targets: ['a'] })
      world.submit('t2', { targets: ['b'] })
      world.submit('t3')
      world.submit('t', { follow: ['t1', 't2', 't3'], ...OWN })
      world.reply('a', 't1')
      expect(world.reply('b', 't2')).toEqual(['b > t2 ok', 't ! ImpossibleDependency'])
      expect(world.evalue).toContain('ran on different engines (0, 1)')
    })

    it('cannot be met by a task that no engine ran', () => {
      const world = new World()
      world.submit('t1', { timeout: 1 })
      world.wait(1000)
      const follow = { dependencies: ['t1'], failure: true }
      expect(world.submit('t', { follow, ...OWN })).toEqual(['t ! ImpossibleDependency'])
      expect(world.evalue).toContain('never ran on an engine')
    })
  })

  it('does work in proportion to the edges of a graph, not to their square', () => {
    /** Look-ups in maps and sets while `count` tasks run of which each `width` depend on all of the `width` before. */
    const steps = (count: number, width: number): number => {
      const world = new World({ hwm: 0 })
      world.join('a', 'b', 'c', 'd')
      const ids = Array.from({ length: count }, (_, i) => `g_${i}`)
      return lookUps(() => {
        ids.forEach((msgId, i) => {
          const layer = Math.floor(i / width) - 1
          const after = layer < 0 ? [] : ids.slice(layer * width, (layer + 1) * width)
          const metadata = { after, ...OWN }
          const request = applyRequest(msgId, metadata)
          world.run({ type: 'task_submitted', msgId, client: clientA, request, metadata })
        })
        expect(world.runAll()).toBe(count)
      })
    }
    // Narrow: twice as many tasks. Wide: the same edges, on tasks with a hundred times as many each.
    expect(steps(10_000, 2) / steps(5000, 2)).toBeLessThan(2.2)
    const perEdge = (count: number, width: number): number => steps(count, width) / (count * width)
    expect(perEdge(2000, 1000) / perEdge(2000, 10)).toBeLessThan(1.2)
  })

  describe('[52] an unmet functional dependency', () => {
    it('that no engine meets is told with what the last of them said', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t', OWN)
      world.refuse('b', 't', 'the check hasGpu said no')
      expect(world.refuse('a', 't', 'the check hasGpu said no')).toEqual(['t ! ImpossibleDependency'])
      expect(world.evalue).toBe(
        'its functional dependency is met by none of its 2 engines (0, 1): the check hasGpu said no',
      )
    })

    it('moves the task on and does not use its retries', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t', { retries: 1 })
      expect(world.refuse('b', 't')).toEqual(['t > a'])
      expect(world.refuse('a', 't')).toEqual([])
      expect(world.join('c')).toEqual(['t > c'])
      expect(world.error('c', 't')).toEqual([])
    })

    it('on all targets is impossible', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t', { targets: ['a', 'b'] })
      world.refuse('b', 't')
      expect(world.refuse('a', 't')).toEqual(['t ! ImpossibleDependency'])
    })

    it('on all engines is impossible for our own tasks', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t', OWN)
      world.refuse('b', 't')
      expect(world.refuse('a', 't')).toEqual(['t ! ImpossibleDependency'])
    })
  })

  describe('[53] retries', () => {
    it('run on another engine, and the last error is the answer', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t', { retries: 1 })
      expect(world.error('b', 't')).toEqual(['t > a'])
      expect(world.error('a', 't')).toEqual(['a > t error'])
    })

    it('of a stock task wait for a new engine when there is no other', () => {
      const world = new World()
      world.join('a')
      world.submit('t', { retries: 2 })
      expect(world.error('a', 't')).toEqual([])
      expect(world.join('b')).toEqual(['t > b'])
    })

    it('of a stock task with one target end as impossible', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t', { retries: 1, targets: ['a'] })
      expect(world.error('a', 't')).toEqual(['t ! ImpossibleDependency'])
    })

    it('of our own task go back to the same engine, in fresh bytes, when there is no other', () => {
      const world = new World()
      world.join('a')
      world.submit('t', { retries: 2, ...OWN })
      expect(world.error('a', 't')).toEqual(['t > a refreshed'])
      expect(world.error('a', 't')).toEqual(['t > a refreshed'])
      expect(world.error('a', 't')).toEqual(['a > t error'])
    })

    it('of our own task prefer an engine that has not failed it, even a busy one', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t', { retries: 2, ...OWN })
      world.submit('long')
      expect(world.error('b', 't')).toEqual([])
      expect(world.reply('a', 'long')).toEqual(['a > long ok', 't > a'])
      expect(world.error('a', 't')).toEqual(['t > b refreshed'])
    })

    it('of our own task give its real error when its targets are gone', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t', { retries: 2, targets: ['a', 'b'], ...OWN })
      world.submit('long', { targets: ['a'] })
      world.error('b', 't')
      world.leave('b')
      expect(world.leave('a')).toEqual(['b > t error'])
    })

    it('are not spent on an abort of our own task', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t', { retries: 2, ...OWN })
      expect(world.reply('b', 't', { status: 'aborted' })).toEqual(['b > t aborted'])
    })
  })

  describe('aborted tasks', () => {
    it('end at once where no engine has them: queued, and waiting for others', () => {
      const world = new World()
      world.join('a')
      world.submit('running', OWN)
      world.submit('queued', OWN)
      world.submit('waiting', { after: ['running'], ...OWN })
      world.submit('dependent', { after: ['queued'], ...OWN })
      expect(world.abort('queued', 'waiting')).toEqual([
        'queued ! TaskAborted',
        'waiting ! TaskAborted',
        'dependent ! ImpossibleDependency',
      ])
      expect(world.reply('a', 'running')).toEqual(['a > running ok'])
    })

    it('are not given to another engine when theirs dies, refuses them or fails', () => {
      const world = new World({ hwm: 0 })
      world.join('a', 'b')
      for (const id of ['dying', 'refused', 'failing'])
        world.submit(id, { targets: ['a'], retries: 1, ...OWN })
      for (const id of ['dying', 'refused', 'failing']) expect(world.abort(id)).toEqual([])
      expect(world.refuse('a', 'refused')).toEqual(['refused ! TaskAborted'])
      expect(world.error('a', 'failing')).toEqual(['a > failing error'])
      expect(world.leave('a')).toEqual(['dying ! TaskAborted'])
    })

    it('end when they come after the wish to abort them, and nobody is hurt by a wish for what has ended', () => {
      const world = new World()
      world.join('a')
      world.submit('t', OWN)
      world.reply('a', 't')
      expect(world.abort('t', 'late')).toEqual([])
      expect(world.submit('late', OWN)).toEqual(['late ! TaskAborted'])
      expect(world.submit('u', { after: ['t'], ...OWN })).toEqual(['u > a'])
    })
  })

  describe('[54] timeout', () => {
    it('ends a task that waits, and not one that runs', () => {
      const world = new World()
      world.join('a')
      world.submit('t1', { timeout: 1 })
      world.submit('t2', { timeout: 1 })
      expect(world.wait(999)).toEqual([])
      expect(world.wait(1)).toEqual(['t2 ! TaskTimeout'])
      expect(world.wait(10_000)).toEqual([])
      expect(world.reply('a', 't1')).toEqual(['a > t1 ok'])
    })

    it('starts anew when the task is queued again', () => {
      const world = new World()
      world.join('a')
      world.submit('t', { timeout: 1, retries: 1 })
      world.wait(5000)
      expect(world.error('a', 't')).toEqual([])
      expect(world.wait(999)).toEqual([])
      expect(world.wait(1)).toEqual(['t ! TaskTimeout'])
    })

    it('ends a task whose dependency takes too long', () => {
      const world = new World()
      world.join('a')
      world.submit('t1')
      world.submit('t2', { after: ['t1'], timeout: 2 })
      expect(world.wait(2000)).toEqual(['t2 ! TaskTimeout'])
      expect(world.reply('a', 't1')).toEqual(['a > t1 ok'])
    })
  })

  describe('[55] the death of an engine with a stock task', () => {
    it('is answered 5 s later in its name', () => {
      const world = new World()
      world.join('a')
      world.submit('t')
      expect(world.leave('a')).toEqual([])
      expect(world.wait(4999)).toEqual([])
      expect(world.wait(1)).toEqual(['t ! EngineError as a'])
      expect(world.evalue).toBe("Engine b'a' died while running task 't'")
    })

    it('is a failure that retries count', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t', { retries: 1 })
      world.leave('b')
      expect(world.wait(5000)).toEqual(['t > a'])
    })

    it('is impossible to retry with one target', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t', { retries: 1, targets: ['b'] })
      world.leave('b')
      expect(world.wait(5000)).toEqual(['t ! ImpossibleDependency'])
    })

    it('[56] is forgiven by a late reply within that time, and by none after it', () => {
      const world = new World({ hwm: 0 })
      world.join('a')
      world.submit('t1')
      world.submit('t2')
      world.leave('a')
      expect(world.reply('a', 't1')).toEqual(['a > t1 ok'])
      world.wait(5000)
      expect(world.reply('a', 't2')).toEqual(['a x t2'])
    })
  })

  describe('the death of an engine with our own task', () => {
    it('runs it elsewhere at once, without using its retries', () => {
      const world = new World()
      world.join('a', 'b')
      world.submit('t', OWN)
      expect(world.leave('b')).toEqual(['t > a'])
      expect(world.reply('b', 't')).toEqual(['b x t'])
      expect(world.reply('a', 't')).toEqual(['a > t ok'])
    })

    it('waits for an engine when there is none', () => {
      const world = new World()
      world.join('a')
      world.submit('t', OWN)
      expect(world.leave('a')).toEqual([])
      expect(world.join('b')).toEqual(['t > b'])
    })

    it('gives the task up at the third, naming all three and their causes', () => {
      const world = new World()
      world.join('a', 'b', 'c', 'd')
      world.submit('t', OWN)
      expect(world.leave('d', { exit_code: 1, stderr: 'out of memory\n' })).toEqual(['t > c'])
      expect(world.leave('c', SIGKILL)).toEqual(['t > b'])
      expect(world.leave('b', { reason: 'connection lost' })).toEqual(['t ! EngineError'])
      expect(world.evalue).toBe(
        '3 engines died while running task t: engine 3 (exit code 1, its last words: out of memory); ' +
          'engine 2 (killed by SIGKILL); engine 1 (connection lost)',
      )
      expect(world.submit('next', OWN)).toEqual(['next > a'])
    })

    it('does not count when the engine was asked to go', () => {
      const world = new World()
      world.join('a')
      world.submit('t', OWN)
      for (const name of ['b', 'c', 'd', 'e']) {
        world.join(name)
        expect(world.leave(String.fromCharCode(name.charCodeAt(0) - 1), undefined, true)).toEqual([
          `t > ${name}`,
        ])
      }
    })

    it('makes suspects of all it held: each then runs alone, and only the culprit ends', () => {
      const world = new World({ hwm: 10 })
      world.join('a', 'b', 'c', 'd')
      for (const name of ['b', 'c', 'd']) world.submit(`on-${name}`, { targets: [name] })
      world.join('e')
      for (const engine of ['b', 'c', 'd']) world.reply(engine, `on-${engine}`)
      for (const name of ['t1', 'poison', 't2']) world.submit(name, { ...OWN, targets: ['a', 'b', 'c', 'd'] })
      const lines: string[] = []
      const left = new Set(['t1', 'poison', 't2'])
      for (let death = 0; death < 3 && left.has('poison'); death++) {
        const engine = ['a', 'b', 'c', 'd'].find(name => world.queue.tasksOf(name).includes('poison'))!
        if (death > 0) expect(world.queue.tasksOf(engine)).toEqual(['poison'])
        lines.push(...world.leave(engine))
        for (const name of ['a', 'b', 'c', 'd']) {
          for (const task of world.queue.tasksOf(name)) {
            if (task !== 'poison') lines.push(...world.reply(name, task))
          }
        }
        if (!world.queue.isPending('poison')) left.delete('poison')
      }
      expect(lines).toContain('poison ! EngineError')
      expect(lines.filter(text => text.includes('!'))).toHaveLength(1)
    })

    it('lets the others prefetch again once the suspects are through', () => {
      const world = new World({ hwm: 3 })
      world.join('a', 'b')
      for (let i = 0; i < 6; i++) world.submit(`t${i}`, OWN)
      for (let i = 6; i < 12; i++) world.submit(`t${i}`, OWN)
      world.leave('b')
      for (const task of world.queue.tasksOf('a')) world.reply('a', task)
      for (let i = 0; i < 3; i++) {
        expect(world.queue.tasksOf('a')).toHaveLength(1)
        world.reply('a', world.queue.tasksOf('a')[0]!)
      }
      expect(world.queue.tasksOf('a')).toHaveLength(3)
    })
  })

  it('sends what a lost connection may have swallowed again, in fresh bytes', () => {
    const world = new World({ hwm: 2 })
    world.join('a')
    world.submit('own', OWN)
    world.submit('stock')
    expect(world.reconnect('a')).toEqual(['own > a refreshed', 'stock > a refreshed'])
    expect(world.reply('a', 'own')).toEqual(['a > own ok'])
    expect(world.reply('a', 'own')).toEqual(['a x own'])
  })

  it('gives nothing to an engine whose connection is lost, and all it can take when it is back', () => {
    const world = new World({ hwm: 2 })
    world.join('a')
    world.submit('before', OWN)
    world.disconnect('a')
    expect(world.submit('after', OWN)).toEqual([])
    expect(world.comeBack('a')).toEqual(['before > a refreshed', 'after > a'])
    expect(world.comeBack('a')).toEqual([])
  })

  it('gives a task in fresh bytes to an engine that was wrongly taken for dead', () => {
    const world = new World({ hwm: 1 })
    world.join('a')
    world.submit('t', OWN)
    world.leave('a')
    expect(world.join('a')).toEqual(['t > a refreshed'])
  })

  it('keeps a stock task whose engine died, came back and died again', () => {
    const world = new World({ hwm: 1 })
    world.join('a')
    world.submit('first')
    world.leave('a')
    world.join('a')
    world.submit('second')
    world.leave('a')
    expect(world.wait(5000)).toHaveLength(2)
  })

  it('lets a task stand in a line that the refusals of another do not change', () => {
    const world = new World({ hwm: 1 })
    world.join('a', 'b', 'c')
    for (const task of ['x', 'y', 'z', 'one', 'two']) world.submit(task, OWN)
    const [first, second] = ['x', 'y'].map(task => world.holderOf(task))
    expect(world.reply(first!, 'x').at(-1)).toBe(`one > ${first}`)
    expect(world.refuse(first!, 'one')).toEqual([`two > ${first}`])
    expect(world.refuse(first!, 'two')).toEqual([])
    expect(world.reply(second!, 'y').at(-1)).toBe(`one > ${second}`)
    expect(world.refuse(second!, 'one')).toEqual([`two > ${second}`])
  })

  it('prefetches short tasks and never queues long ones behind each other', () => {
    const world = new World({ hwm: 'auto' })
    world.join('a')
    for (let i = 0; i < 500; i++) world.submit(`t${i}`, OWN)
    expect(world.queue.tasksOf('a')).toHaveLength(1)
    for (let i = 0; i < 6; i++) {
      world.reply('a', world.queue.tasksOf('a')[0]!, { status: 'ok', run_ms: 0.02 })
    }
    expect(world.queue.tasksOf('a').length).toBe(251)
    while (world.queue.tasksOf('a').length > 1) {
      world.reply('a', world.queue.tasksOf('a')[0]!, { status: 'ok', run_ms: 100 })
    }
    for (let i = 0; i < 10; i++) {
      world.reply('a', world.queue.tasksOf('a')[0]!, { status: 'ok', run_ms: 100 })
      expect(world.queue.tasksOf('a')).toHaveLength(1)
    }
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('answers every task once in a random life (seed %i)', seed => {
    const random = seeded(seed)
    const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
    const hwm = pick([0, 1, 2, 'auto'] as const)!
    const world = new World({ hwm, random, scheme: pick(['leastload', 'lru', 'plainrandom'] as const)! })
    const engines: string[] = []
    const submitted: string[] = []
    const join = (): void => {
      const name = `e${world.nowMs}-${engines.length}`
      engines.push(name)
      world.join(name)
    }
    const finishOne = (engine: string): void => {
      const task = world.queue.tasksOf(engine)[0]
      if (task === undefined) return
      const dice = random()
      const status = dice < 0.8 ? 'ok' : 'error'
      const unmet = dice > 0.95 ? { dependencies_met: false } : {}
      world.reply(engine, task, { status, run_ms: pick([0.01, 1, 50]), ...unmet })
    }
    for (let step = 0; step < 3000; step++) {
      world.nowMs += 1
      const dice = random()
      const engine = pick(engines)
      if (engine === undefined || dice < 0.01) join()
      else if (dice < 0.02) {
        engines.splice(engines.indexOf(engine), 1)
        world.leave(engine, SIGKILL, random() < 0.2)
      } else if (dice < 0.025) world.reconnect(engine)
      else if (dice < 0.4) {
        const earlier = [pick(submitted), pick(submitted)].filter(id => id !== undefined)
        const metadata: Json = {
          ...(random() < 0.7 ? OWN : {}),
          ...(random() < 0.2 ? { retries: 2 } : {}),
          ...(random() < 0.1 ? { after: { dependencies: earlier, all: random() < 0.5, failure: true } } : {}),
          ...(random() < 0.05 ? { follow: { dependencies: earlier, all: false, failure: true } } : {}),
          ...(random() < 0.1 ? { targets: [engine, pick(engines)] } : {}),
          ...(random() < 0.1 ? { timeout: 0.05 } : {}),
        }
        submitted.push(`t${step}`)
        world.submit(`t${step}`, metadata)
      } else if (dice < 0.97) finishOne(engine)
      else world.reply(engine, pick(submitted) ?? 'none')
      const before = world.nowMs
      if (world.queue.wakeAtMs <= before) world.wait(0)
    }
    // Whatever still waits gets all it needs: new engines until nothing moves.
    for (let round = 0; round < 4000 && submitted.some(id => world.queue.isPending(id)); round++) {
      world.nowMs += 10
      if (engines.length < 4 || round % 100 === 99) join()
      for (const engine of engines) {
        const task = world.queue.tasksOf(engine)[0]
        if (task !== undefined) world.reply(engine, task)
      }
      if (world.queue.wakeAtMs <= world.nowMs) world.wait(0)
    }
    expect(submitted.filter(id => world.answers.get(id) !== 1)).toEqual([])
  })
})

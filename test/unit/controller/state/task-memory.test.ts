import { queryObjects } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { DependencyProgress } from '../../../../src/controller/state/dependency-progress.ts'
import { Task } from '../../../../src/controller/state/task.ts'
import type { TaskQueueEvent } from '../../../../src/controller/state/task-events.ts'
import { TaskQueue } from '../../../../src/controller/state/task-queue.ts'
import { Envelope } from '../../../../src/protocol/envelope.ts'
import { SignatureMemory } from '../../../../src/protocol/signature-memory.ts'
import { applyReply, applyRequest, clientA, OWN } from '../tools.ts'

/** A queue with engines that answer at once: well, badly, or by dying. */
class Mill {
  readonly queue = new TaskQueue({ scheme: 'leastload', hwm: 0, random: () => 0 })
  #engines = 0
  #tasks = 0
  readonly #dispatched: (readonly [engine: string, msgId: string])[] = []

  constructor() {
    for (const engine of ['a', 'b', 'c']) this.#join(engine)
  }

  /** Tasks with and without dependencies, of which some fail, some are aborted and some lose their engine. */
  run(count: number): void {
    for (const end = this.#tasks + count; this.#tasks < end; this.#tasks++) {
      const i = this.#tasks
      const after = i % 3 === 0 && i > 3 ? [`m_${i - 3}`, `m_${i - 2}`] : []
      const metadata = { after, retries: i % 5 === 0 ? 1 : 0, ...(i % 2 === 0 && OWN) }
      const msgId = `m_${i}`
      this.#handle({
        type: 'task_submitted',
        msgId,
        client: clientA,
        request: applyRequest(msgId, metadata),
        metadata,
      })
      if (i % 100 === 0) this.#handle({ type: 'tasks_aborted', msgIds: [msgId] })
      if (i % 500 === 0) this.#replace()
      this.#answer()
    }
    // Stock tasks of dead engines are kept for five seconds.
    this.#handle({ type: 'tick' }, this.queue.wakeAtMs)
    this.#answer()
  }

  #answer(): void {
    for (let next = this.#dispatched.pop(); next !== undefined; next = this.#dispatched.pop()) {
      const [engine, msgId] = next
      const metadata = { status: msgId.endsWith('7') ? 'error' : 'ok' }
      this.#handle({ type: 'task_replied', engine, msgId, reply: applyReply(msgId, metadata), metadata })
    }
  }

  #join(engine: string): void {
    this.#handle({ type: 'engine_joined', engine, id: this.#engines++ })
  }

  #replace(): void {
    this.#handle({ type: 'engine_left', engine: 'a', cause: { signal: 'SIGKILL' } })
    this.#join('a')
  }

  #handle(event: TaskQueueEvent, nowMs = 0): void {
    for (const effect of this.queue.handle(event, nowMs))
      if (effect.type === 'dispatch_task') this.#dispatched.push([effect.engine, effect.task.msgId])
  }
}

/** Collects garbage, and counts what is left. */
function living(kind: typeof Task | typeof DependencyProgress | typeof Envelope): number {
  return queryObjects(kind, { format: 'count' })
}

describe('memory', () => {
  it('TaskQueue keeps nothing of tasks that have ended but how they ended', () => {
    const mill = new Mill()
    mill.run(20_000)
    mill.queue.validate()
    expect([living(Task), living(DependencyProgress), living(Envelope)]).toEqual([0, 0, 0])
    expect(mill.queue.unassigned()).toEqual([])
    // How they ended is a number each, in pages of 256.
    const pages = queryObjects(Int32Array, { format: 'count' })
    mill.run(2560)
    expect(queryObjects(Int32Array, { format: 'count' }) - pages).toBeLessThanOrEqual(11)
    expect(living(Task)).toBe(0)
  })

  it('SignatureMemory forgets the oldest signatures', () => {
    const memory = new SignatureMemory()
    const signature = (i: number) => Buffer.from(i.toString(16).padStart(8, '1').padEnd(64, '0'))
    for (let i = 0; i < 200_000; i++) memory.add(signature(i))
    expect([memory.has(signature(0)), memory.has(signature(199_999))]).toEqual([false, true])
  })
})

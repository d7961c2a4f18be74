import { describe, expect, it } from 'vitest'
import { Launch, type LaunchOptions } from '../../../../src/cluster/state/launch.ts'
import type {
  LaunchEffect,
  LaunchEvent,
  LaunchNews,
  ProgramEnd,
} from '../../../../src/cluster/state/launch-events.ts'

const killed: ProgramEnd = { exitCode: null, signal: 'SIGKILL', output: '' }
const failed: ProgramEnd = { exitCode: 1, signal: null, output: 'no such module' }
const clean: ProgramEnd = { exitCode: 0, signal: null, output: '' }

/** A machine with its clock, and what it asked for, as short lines. */
class Bench {
  readonly machine: Launch
  nowMs = 0

  constructor(options: Partial<LaunchOptions> = {}) {
    this.machine = new Launch({ startTimeoutMs: 60_000, graceMs: 2000, killMs: 3000, ...options })
  }

  do(event: LaunchEvent): string[] {
    return this.machine.handle(event, this.nowMs).map(describeEffect)
  }

  /** Lets time pass to the moment at which the machine wants to be woken. */
  wake(): string[] {
    this.nowMs = this.machine.wakeAtMs
    expect(this.nowMs).toBeLessThan(Number.POSITIVE_INFINITY)
    return this.do({ type: 'tick' })
  }

  register(launch: number, id = launch): string[] {
    return this.do({ type: 'engine_registered', launch, id, uuid: `uuid-${id}` })
  }

  end(launch: number, end = killed): string[] {
    return this.do({ type: 'engine_ended', launch, end })
  }

  /** A cluster of `engines` that is up. */
  static up(engines: number, options?: Partial<LaunchOptions>): Bench {
    const bench = new Bench(options)
    bench.do({ type: 'start_requested', engines })
    bench.do({ type: 'controller_ready' })
    for (let i = 0; i < engines; i++) bench.register(i)
    expect(bench.machine.phase).toBe('running')
    return bench
  }
}

function describeEffect(effect: LaunchEffect): string {
  switch (effect.type) {
    case 'start_engine':
      return `start engine ${effect.launch}`
    case 'signal_engine':
      return `${effect.signal} engine ${effect.launch}`
    case 'signal_controller':
      return `${effect.signal} controller`
    case 'report_death':
      return `report ${effect.uuid} ${JSON.stringify(effect.cause)}`
    case 'tell':
      return describeNews(effect.news)
    default:
      return effect.type
  }
}

function describeNews(news: LaunchNews): string {
  switch (news.type) {
    case 'batch_up':
      return `batch ${news.batch} up`
    case 'batch_failed':
      return `batch ${news.batch} failed: ${news.failure.type}`
    case 'engine_died':
      return `engine ${news.id} died, ${news.isReplaced ? 'replaced' : 'not replaced'}`
    case 'ended':
      return `ended${news.failure === undefined ? '' : `: ${news.failure.type}`}`
  }
}

describe('Launch starting', () => {
  it('starts controller and engines at once, and is up when all have registered', () => {
    const bench = new Bench()
    expect(bench.do({ type: 'start_requested', engines: 2 })).toEqual([
      'start_controller',
      'start engine 0',
      'start engine 1',
      'record',
    ])
    expect(bench.register(1)).toEqual([])
    expect(bench.do({ type: 'controller_ready' })).toEqual([])
    expect(bench.register(0)).toEqual(['batch 0 up'])
    expect(bench.machine.phase).toBe('running')
    expect(bench.machine.wakeAtMs).toBe(Number.POSITIVE_INFINITY)
    expect(bench.machine.registered.map(engine => engine.id)).toEqual([0, 1])
  })

  it('waits for the controller even when every engine is there', () => {
    const bench = new Bench()
    bench.do({ type: 'start_requested', engines: 1 })
    expect(bench.register(0)).toEqual([])
    expect(bench.do({ type: 'controller_ready' })).toEqual(['batch 0 up'])
  })

  it('fails when the controller ends, once everything is gone', () => {
    const bench = new Bench()
    bench.do({ type: 'start_requested', engines: 1 })
    expect(bench.do({ type: 'controller_ended', end: failed })).toEqual(['record', 'SIGTERM engine 0'])
    expect(bench.end(0, clean)).toEqual([
      'record',
      'batch 0 failed: controller_ended',
      'ended: controller_ended',
    ])
  })

  it('fails when an engine ends before it has registered', () => {
    const bench = new Bench()
    bench.do({ type: 'start_requested', engines: 2 })
    expect(bench.end(1, failed)).toEqual(['record', 'SIGTERM engine 0', 'SIGTERM controller'])
    expect(bench.end(0)).toEqual(['record'])
    expect(bench.do({ type: 'controller_ended', end: clean })).toEqual([
      'record',
      'batch 0 failed: engine_ended',
      'ended: engine_ended',
    ])
  })

  it('fails when time is up, and says how far it came', () => {
    const bench = new Bench()
    bench.do({ type: 'start_requested', engines: 2 })
    bench.do({ type: 'controller_ready' })
    bench.register(0)
    expect(bench.wake()).toEqual(['SIGTERM engine 0', 'SIGTERM engine 1', 'SIGTERM controller'])
    expect(bench.nowMs).toBe(60_000)
    bench.end(0)
    bench.end(1)
    const [, news] = bench.machine.handle({ type: 'controller_ended', end: clean }, bench.nowMs)
    expect(news).toEqual({
      type: 'tell',
      news: {
        type: 'batch_failed',
        batch: 0,
        failure: { type: 'timed_out', controllerReady: true, registered: 1, wanted: 2 },
      },
    })
  })

  it('is given up by a stop', () => {
    const bench = new Bench()
    bench.do({ type: 'start_requested', engines: 1 })
    expect(bench.do({ type: 'stop_requested' })).toEqual(['SIGTERM engine 0', 'SIGTERM controller'])
    bench.end(0)
    expect(bench.do({ type: 'controller_ended', end: clean })).toEqual([
      'record',
      'batch 0 failed: stopped',
      'ended',
    ])
  })

  it('replaces an engine that registered and died while others are still coming', () => {
    const bench = new Bench()
    bench.do({ type: 'start_requested', engines: 2 })
    bench.do({ type: 'controller_ready' })
    bench.register(0)
    expect(bench.end(0)).toContain('start engine 2')
    expect(bench.register(1)).toEqual([])
    expect(bench.register(2)).toEqual(['batch 0 up'])
  })
})

describe('Launch running', () => {
  it('reports and replaces an engine that dies unasked', () => {
    const bench = Bench.up(2)
    expect(bench.end(1, { ...killed, output: 'last words' })).toEqual([
      'record',
      'report uuid-1 {"exit_code":null,"signal":"SIGKILL","stderr":"last words"}',
      'engine 1 died, replaced',
      'start engine 2',
      'record',
    ])
    expect(bench.register(2)).toEqual([])
    expect(bench.machine.registered.map(engine => engine.id)).toEqual([0, 2])
  })

  it('replaces every engine that had registered, however many die', () => {
    const bench = Bench.up(1)
    for (let launch = 0; launch < 20; launch++) {
      expect(bench.end(launch)).toContain(`start engine ${launch + 1}`)
      bench.register(launch + 1)
    }
  })

  it('gives a replacement up after three that die before they register', () => {
    const bench = Bench.up(1)
    bench.end(0)
    expect(bench.end(1, failed)).toContain('engine undefined died, replaced')
    expect(bench.end(2, failed)).toContain('engine undefined died, replaced')
    expect(bench.end(3, failed)).toEqual(['record', 'engine undefined died, not replaced'])
    expect(bench.machine.phase).toBe('running')
  })

  it('forgets early deaths after a minute', () => {
    const bench = Bench.up(1)
    bench.end(0)
    for (let launch = 1; launch < 10; launch++) {
      bench.nowMs += 31_000
      expect(bench.end(launch, failed)).toContain('engine undefined died, replaced')
    }
  })

  it('does not replace an engine that leaves because a client asked', () => {
    const bench = Bench.up(2)
    bench.do({ type: 'engine_leaving', launch: 0, restart: false })
    expect(bench.end(0)).toEqual([
      'record',
      'report uuid-0 {"exit_code":null,"signal":"SIGKILL","stderr":"","reason":"stopped"}',
    ])
    expect(bench.end(1, clean)).not.toContain('start engine 2')
  })

  it('starts an engine again that a client restarts', () => {
    const bench = Bench.up(1)
    bench.do({ type: 'engine_leaving', launch: 0, restart: true })
    expect(bench.end(0, clean)).toContain('start engine 1')
  })

  it('ends when the controller ends, and says so', () => {
    const bench = Bench.up(1)
    expect(bench.do({ type: 'controller_ended', end: killed })).toEqual(['record', 'SIGTERM engine 0'])
    expect(bench.end(0, clean)).toEqual(['record', 'ended: controller_ended'])
    expect(bench.machine.phase).toBe('stopped')
  })
})

describe('Launch whose controller a client shut down', () => {
  it('ends without a failure', () => {
    const bench = Bench.up(1)
    expect(bench.do({ type: 'controller_ended', end: clean })).toEqual(['record', 'SIGTERM engine 0'])
    expect(bench.end(0, clean)).toEqual(['record', 'ended'])
  })
})

describe('Launch adding and removing engines', () => {
  it('tells when all of a batch are up', () => {
    const bench = Bench.up(1)
    expect(bench.do({ type: 'engines_requested', batch: 1, engines: 2 })).toEqual([
      'start engine 1',
      'start engine 2',
      'record',
    ])
    expect(bench.register(2)).toEqual([])
    expect(bench.register(1)).toEqual(['batch 1 up'])
  })

  it('fails a batch as a whole, and leaves the rest alone', () => {
    const bench = Bench.up(1)
    bench.do({ type: 'engines_requested', batch: 1, engines: 2 })
    expect(bench.end(1, failed)).toEqual(['record', 'SIGTERM engine 2'])
    expect(bench.end(2)).toEqual(['record', 'batch 1 failed: engine_ended'])
    expect(bench.machine.phase).toBe('running')
  })

  it('ends unwanted engines without replacing them, by force where it must', () => {
    const bench = Bench.up(2)
    expect(bench.do({ type: 'engines_unwanted', launches: [1] })).toEqual(['SIGTERM engine 1'])
    expect(bench.wake()).toEqual(['SIGKILL engine 1'])
    expect(bench.nowMs).toBe(2000)
    expect(bench.machine.isKept(1)).toBe(true)
    bench.end(1)
    expect(bench.machine.isKept(1)).toBe(false)
    expect(bench.machine.phase).toBe('running')
  })

  it('refuses engines once it is stopping', () => {
    const bench = Bench.up(1)
    bench.do({ type: 'stop_requested' })
    expect(bench.do({ type: 'engines_requested', batch: 1, engines: 1 })).toEqual(['batch 1 failed: stopped'])
  })
})

describe('Launch stopping', () => {
  it('asks, then kills, then gives up', () => {
    const bench = Bench.up(1)
    expect(bench.do({ type: 'stop_requested' })).toEqual(['SIGTERM engine 0', 'SIGTERM controller'])
    expect(bench.do({ type: 'stop_requested' })).toEqual([])
    expect(bench.wake()).toEqual(['SIGKILL engine 0', 'SIGKILL controller'])
    expect(bench.wake()).toEqual(['ended'])
    expect(bench.nowMs).toBe(5000)
  })

  it('kills at once when it is forced', () => {
    const bench = Bench.up(1)
    bench.do({ type: 'stop_requested' })
    expect(bench.do({ type: 'force_requested' })).toEqual(['SIGKILL engine 0', 'SIGKILL controller'])
    expect(bench.end(0)).toEqual(['record'])
    expect(bench.do({ type: 'controller_ended', end: killed })).toEqual(['record', 'ended'])
  })

  it('replaces nothing any more', () => {
    const bench = Bench.up(2)
    bench.do({ type: 'stop_requested' })
    bench.do({ type: 'engine_leaving', launch: 0, restart: true })
    expect(bench.end(0)).toEqual(['record'])
  })
})

describe('Launch without a controller', () => {
  it('is up when its engines are, and ends with the last of them', () => {
    const bench = new Bench({ hasController: false })
    expect(bench.do({ type: 'start_requested', engines: 2 })).not.toContain('start_controller')
    bench.register(0, 7)
    expect(bench.register(1, 8)).toEqual(['batch 0 up'])
    expect(bench.end(0, clean)).not.toContain('ended')
    expect(bench.end(1, clean)).toContain('ended')
  })
})

describe('Launch, told of the end of a whole job', () => {
  const endJob = (bench: Bench, launches: readonly number[], end = failed): string[] =>
    bench.do({ type: 'job_ended', launches, end })

  it('replaces all engines of a job of which one was up', () => {
    const bench = Bench.up(2)
    bench.end(0)
    bench.end(1)
    bench.register(2)
    expect(endJob(bench, [2, 3])).toEqual([
      'record',
      expect.stringContaining('report uuid-2'),
      'engine 2 died, replaced',
      'start engine 4',
      'record',
      'record',
      'engine undefined died, replaced',
      'start engine 5',
      'record',
    ])
  })

  it('counts a job that never came up as one early death', () => {
    const bench = Bench.up(3, { earlyDeathsMax: 2 })
    endJob(bench, [0, 1, 2])
    const dead = (launches: readonly number[]): string[] =>
      endJob(bench, launches).filter(line => line.includes('died'))
    expect(dead([3, 4, 5])).toEqual(Array(3).fill('engine undefined died, replaced'))
    expect(dead([6, 7, 8])).toEqual(Array(3).fill('engine undefined died, not replaced'))
  })

  it('replaces none of those that were asked to end', () => {
    const bench = Bench.up(2)
    bench.do({ type: 'engines_unwanted', launches: [0, 1] })
    expect(endJob(bench, [0, 1]).filter(line => line.startsWith('start'))).toEqual([])
  })
})

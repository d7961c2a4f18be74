import { describe, expect, it } from 'vitest'
import { EngineLife, EXIT_NO_CONTROLLER, type LifeEvent } from '../../../../src/engine/state/engine-life.ts'

const OPTIONS = { goneMs: 30_000, answerMs: 5000, retryMs: 500 }

/** Plays events, each with its time, and gives the types of all effects in order. */
function play(
  life: EngineLife,
  ...events: readonly (readonly [nowMs: number, event: LifeEvent])[]
): string[] {
  return events.flatMap(([nowMs, event]) => life.handle(event, nowMs)).map(effect => effect.type)
}

function alive(id = 3): EngineLife {
  const life = new EngineLife(OPTIONS)
  play(
    life,
    [0, { type: 'started' }],
    [1, { type: 'registration_open' }],
    [2, { type: 'shell_ready' }],
    [3, { type: 'accepted', id, heartPeriodMs: 1000 }],
    [4, { type: 'shell_complete' }],
  )
  return life
}

/** The connections are made anew, to the same controller. */
function backAgain(nowMs: number): (readonly [number, LifeEvent])[] {
  return [
    [nowMs, { type: 'connection_read', changed: false }],
    [nowMs, { type: 'registration_open' }],
    [nowMs, { type: 'shell_ready' }],
  ]
}

/** Delivers ticks when they are asked for, until `untilMs`; gives all effects with their times. */
function tickUntil(life: EngineLife, untilMs: number): [number, string][] {
  const seen: [number, string][] = []
  for (let turns = 0; life.wakeAtMs <= untilMs && turns < 10_000; turns++) {
    const nowMs = life.wakeAtMs
    for (const effect of life.handle({ type: 'tick' }, nowMs)) seen.push([nowMs, effect.type])
  }
  return seen
}

describe('EngineLife', () => {
  it('registers only when both the shell and the registration socket are connected', () => {
    const life = new EngineLife(OPTIONS)
    expect(play(life, [0, { type: 'started' }], [1, { type: 'registration_open' }])).toEqual(['connect'])
    expect(play(life, [2, { type: 'shell_ready' }])).toEqual(['register'])
    expect(life.state).toBe('registering')
  })

  it('starts its heart only when the shell is complete', () => {
    const life = new EngineLife(OPTIONS)
    play(life, [0, { type: 'started' }], [0, { type: 'shell_ready' }], [1, { type: 'registration_open' }])
    expect(life.handle({ type: 'accepted', id: 7, heartPeriodMs: 3000 }, 2)).toEqual([
      { type: 'join', id: 7 },
    ])
    expect(life.handle({ type: 'shell_complete' }, 3)).toEqual([{ type: 'start_heart', id: 7 }])
    expect(life.state).toBe('alive')
    expect(life.id).toBe(7)
  })

  it('ends when the controller refuses it', () => {
    const life = new EngineLife(OPTIONS)
    play(life, [0, { type: 'started' }], [0, { type: 'shell_ready' }], [1, { type: 'registration_open' }])
    const effects = life.handle({ type: 'refused', ename: 'KeyError', evalue: "uuid 'x' in use" }, 2)
    expect(effects).toMatchObject([{ type: 'end', exitCode: EXIT_NO_CONTROLLER }])
  })

  it('looks for its controller again when the connection is lost, and registers where it finds it', () => {
    const life = alive()
    expect(play(life, [10, { type: 'registration_closed', cause: 'reset' }])).toEqual([
      'warn',
      'disconnect',
      'read_connection',
    ])
    expect(play(life, [20, { type: 'connection_read', changed: true }])).toEqual(['connect'])
    expect(
      play(
        life,
        [30, { type: 'registration_open' }],
        [31, { type: 'shell_ready' }],
        [32, { type: 'accepted', id: 0, heartPeriodMs: 1000 }],
        [33, { type: 'shell_complete' }],
      ),
    ).toEqual(['register', 'join', 'start_heart'])
    expect(life.id).toBe(0)
  })

  it('makes every connection anew after a loss, also to the same address', () => {
    const life = alive()
    play(life, [10, { type: 'registration_closed', cause: 'reset' }])
    // The old connection came back by itself: it says nothing about the others.
    expect(play(life, [20, { type: 'registration_open' }])).toEqual([])
    expect(play(life, [30, { type: 'connection_read', changed: false }])).toEqual(['connect'])
    expect(play(life, [40, { type: 'connection_read', changed: false }])).toEqual([])
    expect(play(life, [50, { type: 'registration_open' }], [60, { type: 'shell_ready' }])).toEqual([
      'register',
    ])
  })

  it('goes on as it was where the controller still knows it, and makes sure a little later', () => {
    const life = alive(5)
    play(life, [10, { type: 'registration_closed', cause: 'reset' }], ...backAgain(11))
    expect(play(life, [21, { type: 'refused', ename: 'KeyError', evalue: "uuid 'x' in use" }])).toEqual([
      'join',
    ])
    expect(play(life, [22, { type: 'shell_complete' }])).toEqual(['start_heart'])
    expect(life.id).toBe(5)
    expect(tickUntil(life, 6000)).toEqual([[5021, 'register']])
    expect(play(life, [5030, { type: 'refused', ename: 'KeyError', evalue: 'in use' }])).toEqual([])
    expect(life.state).toBe('alive')
  })

  it('takes a new number where the controller had given it up just then', () => {
    const life = alive(5)
    play(
      life,
      [10, { type: 'registration_closed', cause: 'reset' }],
      ...backAgain(11),
      [21, { type: 'refused', ename: 'KeyError', evalue: 'in use' }],
      [22, { type: 'shell_complete' }],
    )
    tickUntil(life, 6000)
    const effects = life.handle({ type: 'accepted', id: 9, heartPeriodMs: 1000 }, 6001)
    expect(effects).toEqual([{ type: 'join', id: 9 }])
  })

  it('stays alive as long as pings come', () => {
    const life = alive()
    for (let nowMs = 1000; nowMs < 300_000; nowMs += 1000) {
      expect(tickUntil(life, nowMs)).toEqual([])
      life.handle({ type: 'ping' }, nowMs)
    }
    expect(life.state).toBe('alive')
  })

  it('[26] takes a controller without pings for lost though its connection stands', () => {
    const life = alive()
    expect(tickUntil(life, 30_004)).toEqual([
      [30_004, 'warn'],
      [30_004, 'disconnect'],
      [30_004, 'read_connection'],
    ])
    expect(life.state).toBe('lost')
  })

  it('[26] ends when there is no controller for too long', () => {
    const life = alive()
    life.handle({ type: 'ping' }, 9000)
    life.handle({ type: 'registration_closed', cause: 'reset' }, 10_000)
    const seen = tickUntil(life, 100_000)
    expect(seen.at(-1)).toEqual([40_000, 'end'])
    // It looks at the connection file all the while.
    expect(seen.filter(([, type]) => type === 'read_connection').length).toBeGreaterThan(50)
    expect(life.wakeAtMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('ends when it never finds a controller', () => {
    const life = new EngineLife(OPTIONS)
    life.handle({ type: 'started' }, 0)
    expect(tickUntil(life, 100_000).at(-1)).toEqual([30_000, 'end'])
  })

  it('ends when a controller takes connections but never answers', () => {
    const life = new EngineLife(OPTIONS)
    play(life, [0, { type: 'started' }], [0, { type: 'shell_ready' }], [1, { type: 'registration_open' }])
    let ended = false
    for (let nowMs = 0; nowMs < 60_000 && !ended; nowMs += 100) {
      const types = play(
        life,
        [nowMs, { type: 'tick' }],
        [nowMs, { type: 'connection_read', changed: false }],
      )
      ended = types.includes('end')
    }
    expect(ended).toBe(true)
  })

  it('asks again when a registration is not answered', () => {
    const life = new EngineLife(OPTIONS)
    play(life, [0, { type: 'started' }], [0, { type: 'shell_ready' }], [1, { type: 'registration_open' }])
    expect(tickUntil(life, 5001)).toEqual([
      [5001, 'warn'],
      [5001, 'disconnect'],
      [5001, 'read_connection'],
    ])
    expect(play(life, ...backAgain(5002))).toEqual(['connect', 'register'])
  })

  it.each<LifeEvent>([
    { type: 'shutdown_requested' },
    { type: 'lifeline_closed' },
    { type: 'stop_requested' },
  ])('unregisters and ends once on $type', event => {
    const life = alive(4)
    expect(life.handle(event, 50)).toMatchObject([
      { type: 'unregister', id: 4 },
      { type: 'end', exitCode: 0 },
    ])
    expect(life.handle(event, 51)).toEqual([])
    expect(life.handle({ type: 'registration_open' }, 52)).toEqual([])
  })

  it('asks whether it is registered when it was held up for some pings', () => {
    const life = alive()
    expect(play(life, [1000, { type: 'ping' }], [3000, { type: 'ping' }])).toEqual([])
    expect(play(life, [5001, { type: 'ping' }])).toEqual(['register'])
    expect(play(life, [5002, { type: 'refused', ename: 'KeyError', evalue: 'uuid in use' }])).toEqual([])
    expect(life.state).toBe('alive')
  })

  it('asks whether it is registered when one of its connections was lost and is back', () => {
    const life = alive()
    play(life, [1000, { type: 'shell_lost' }], [1500, { type: 'shell_complete' }])
    expect(play(life, [6500, { type: 'tick' }])).toEqual(['register'])
  })

  it('asks whether it is registered when its echoes had nowhere to go, and have again', () => {
    const life = alive()
    expect(play(life, [1000, { type: 'heart_back' }])).toEqual([])
    expect(life.wakeAtMs).toBe(6000)
    expect(play(life, [6000, { type: 'tick' }])).toEqual(['register'])
  })
})

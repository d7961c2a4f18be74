import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SocketType } from '../../../../src/transport/socket.ts'
import { GREETING } from '../../../../src/transport/state/greeting.ts'
import {
  ZMTP_PARTNERS,
  ZMTP_TRANSITIONS,
  type ZmtpMachine,
  type ZmtpOptions,
} from '../../../../src/transport/state/zmtp-machine.ts'
import { frames } from '../../../common/transport-tools.ts'
import { encoded, LIMITS, lines, MachinePair, machine } from '../../../common/transport-wire.ts'

const GREETING_HEX = GREETING.toString('hex')
/** As libzmq sends it: a DEALER named abc. */
const READY_DEALER = Buffer.from(
  '042c0552454144590b536f636b65742d54797065000000064445414c4552084964656e7469747900000003616263',
  'hex',
)
const PING = Buffer.from('04070450494e47000a', 'hex')
const PONG_HEX = '040504504f4e47'

function bytes(text: string | Buffer) {
  return { type: 'bytes', bytes: typeof text === 'string' ? Buffer.from(text, 'latin1') : text } as const
}

/** A machine whose peer, a DEALER named abc, is through the handshake. */
function opened(options: Partial<ZmtpOptions> = {}, ready = READY_DEALER): ZmtpMachine {
  const one = machine(options)
  one.handle({ type: 'connected' }, 0)
  one.handle(bytes(GREETING), 0)
  one.handle(bytes(ready), 0)
  expect(one.state).toBe('open')
  return one
}

describe('ZmtpMachine handshake', () => {
  it("[71] ZmtpMachine writes the whole greeting at once and nothing but READY before the peer's", () => {
    const one = machine({ identity: Buffer.from('mux_in') })
    expect(lines(one.handle({ type: 'connected' }, 0))).toEqual([`write ${GREETING_HEX}`])
    expect(GREETING).toHaveLength(64)
    expect(lines(one.handle(bytes(GREETING.subarray(0, 10)), 0))).toEqual([])
    expect(lines(one.handle(bytes(GREETING.subarray(10)), 0))).toEqual([
      // Captured from ipyparallel's own mux socket.
      'write 042f' +
        '0552454144590b536f636b65742d5479706500000006524f55544552084964656e74697479000000066d75785f696e',
    ])
    expect(lines(one.handle(bytes(READY_DEALER), 0))).toEqual(['opened abc 3.1'])
  })

  it.each(['PUB', 'SUB', 'XPUB', 'XSUB'] as const)('ZmtpMachine sends no identity as %s', type => {
    const one = machine({ type, identity: Buffer.from('unused') })
    one.handle({ type: 'connected' }, 0)
    const [ready] = lines(one.handle(bytes(GREETING), 0))
    expect(Buffer.from(ready!.slice(6), 'hex').toString('latin1')).not.toContain('Identity')
  })

  it('ZmtpMachine takes greeting, READY and messages that come in one piece', () => {
    const one = machine()
    one.handle({ type: 'connected' }, 0)
    const all = Buffer.concat([GREETING, READY_DEALER, encoded(frames('a', 'b'), frames('c'))])
    expect(lines(one.handle(bytes(all), 0)).slice(1)).toEqual(['opened abc 3.1', 'deliver a|b', 'deliver c'])
  })

  it('ZmtpMachine meets ZMTP 3.0 and 4.0 peers', () => {
    for (const [major, minor, opens] of [
      [3, 0, 'opened abc 3.0'],
      [3, 1, 'opened abc 3.1'],
      [3, 7, 'opened abc 3.1'],
      [4, 0, 'opened abc 3.1'],
    ] as const) {
      const greeting = Buffer.from(GREETING)
      greeting[10] = major
      greeting[11] = minor
      const one = machine()
      one.handle({ type: 'connected' }, 0)
      one.handle(bytes(greeting), 0)
      expect(lines(one.handle(bytes(READY_DEALER), 0))).toEqual([opens])
    }
  })

  it('ZmtpMachine takes READY without a socket type, with unknown properties, in lower case, in long form', () => {
    const property = (name: string, value: string) =>
      `${String.fromCharCode(name.length)}${name}\0\0\0${String.fromCharCode(value.length)}${value}`
    for (const properties of [
      '',
      property('X-Unknown', 'anything'),
      property('socket-type', 'DEALER') + property('identity', 'abc'),
    ]) {
      const body = Buffer.from(`\x05READY${properties}`, 'latin1')
      const long = Buffer.alloc(9)
      long[0] = 6
      long.writeUInt32BE(body.length, 5)
      for (const header of [Buffer.from([4, body.length]), long]) {
        opened({}, Buffer.concat([header, body]))
      }
    }
  })

  it.each([
    ['an old greeting', '\x01\x00', 'no ZMTP greeting'],
    ['HTTP', 'GET / HTTP/1.1\r\n', 'no ZMTP greeting'],
    ['a 2.0 greeting', '\xff\0\0\0\0\0\0\0\x01\x7f\x01\x05', 'a peer of ZMTP 1, which is too old'],
    ['a cut signature', '\xff\0\0\0\0\0\0\0\x01\x00', 'no ZMTP greeting'],
    [
      'another mechanism',
      `${GREETING.toString('latin1', 0, 12)}PLAIN${'\0'.repeat(47)}`,
      'another security mechanism than NULL',
    ],
  ])('ZmtpMachine closes on %s', (_what, text, cause) => {
    const one = machine()
    one.handle({ type: 'connected' }, 0)
    expect(lines(one.handle(bytes(text), 0))).toEqual([`close ${cause}`])
    expect(one.state).toBe('closed')
    expect(one.handle(bytes(GREETING), 0)).toEqual([])
  })

  it.each([
    ['a message', encoded(frames('x')), 'a message before READY'],
    ['the first frame of a message', Buffer.from([1, 1, 65]), 'a message before READY'],
    ['the header of a frame', Buffer.from([3, 0, 0, 0, 0, 0, 1, 0, 0]), 'a message before READY'],
    ['a PING', PING, 'PING before READY'],
    ['ERROR', Buffer.from('\x04\x0b\x05ERROR\x04nono', 'latin1'), 'the peer refused us: nono'],
    ['a command without a name', Buffer.from([4, 1, 0]), 'a malformed command'],
    ['a command that is cut', Buffer.from([4, 3, 9, 65, 65]), 'a malformed command'],
    ['an empty command', Buffer.from([4, 0]), 'a malformed command'],
    ['a READY that is cut', Buffer.from('\x04\x08\x05READY\x0bS', 'latin1'), 'a malformed READY'],
    ['a huge command', Buffer.from([6, 0, 0, 0, 0, 0, 1, 0, 0]), 'a command of 65536 bytes'],
    [
      'a PUB',
      Buffer.from('\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB', 'latin1'),
      'a PUB cannot talk to a ROUTER',
    ],
  ])('ZmtpMachine closes on %s instead of READY', (_what, instead, cause) => {
    const one = machine()
    one.handle({ type: 'connected' }, 0)
    one.handle(bytes(GREETING), 0)
    expect(lines(one.handle(bytes(instead), 0))).toEqual([`close ${cause}`])
  })

  it('ZmtpMachine closes when the handshake takes too long, and not before', () => {
    const one = machine({ handshakeMs: 500 })
    one.handle({ type: 'connected' }, 100)
    expect(one.wakeAtMs).toBe(600)
    expect(one.handle({ type: 'tick' }, 599)).toEqual([])
    one.handle(bytes(GREETING), 599)
    expect(one.wakeAtMs).toBe(600)
    expect(lines(one.handle({ type: 'tick' }, 600))).toEqual(['close handshake not finished in time'])
  })

  it('ZmtpMachine needs no waking once it is open', () => {
    expect(opened().wakeAtMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('ZmtpMachine lets exactly the socket types meet that fit', () => {
    const types = Object.keys(ZMTP_PARTNERS) as SocketType[]
    for (const one of types) {
      for (const other of types) {
        const pair = new MachinePair({ type: one }, { type: other })
        const fits = ZMTP_PARTNERS[one].includes(other)
        expect(ZMTP_PARTNERS[other].includes(one)).toBe(fits)
        expect(pair.ends.map(end => end.state)).toEqual(fits ? ['open', 'open'] : ['closed', 'closed'])
      }
    }
  })

  it('ZMTP_TRANSITIONS leads from every state to closed, and from there nowhere', () => {
    for (const [state, next] of Object.entries(ZMTP_TRANSITIONS)) {
      expect(next.includes('closed')).toBe(state !== 'closed')
    }
  })
})

describe('ZmtpMachine traffic', () => {
  it('[72] ZmtpMachine gives the same result however the bytes are cut', () => {
    const stream = Buffer.concat([
      encoded(frames('one', '', 'x'.repeat(255)), frames('y'.repeat(256))),
      PING,
      encoded(frames('', '')),
    ])
    const whole = new MachinePair({ identity: Buffer.from('me') }, { type: 'DEALER' })
    whole.write(1, stream)
    for (let step = 1; step <= 300; step++) {
      const pair = new MachinePair({ identity: Buffer.from('me') }, { type: 'DEALER' }, step)
      pair.write(1, stream)
      expect(pair.stories).toEqual(whole.stories)
    }
    expect(whole.stories[0]).toHaveLength(4)
  })

  it('[72] ZmtpMachine gives the same result for every place of a single cut', () => {
    const stream = Buffer.concat([GREETING, READY_DEALER, encoded(frames('a', 'b'.repeat(300))), PING])
    const run = (pieces: readonly Buffer[]) => {
      const one = machine()
      one.handle({ type: 'connected' }, 0)
      return pieces.flatMap(piece => lines(one.handle(bytes(piece), 0)))
    }
    const whole = run([stream])
    expect(whole).toHaveLength(4)
    for (let at = 0; at <= stream.length; at++) {
      expect(run([stream.subarray(0, at), stream.subarray(at)])).toEqual(whole)
    }
  })

  it.each([0, 1, 255, 256, 70_000])('[73] ZmtpMachine delivers frames of %i bytes', size => {
    const body = Buffer.alloc(size, 7)
    for (const pieceBytes of [1000, 65_536, Number.POSITIVE_INFINITY]) {
      const pair = new MachinePair({ type: 'DEALER' }, { type: 'ROUTER' }, pieceBytes)
      for (const from of [0, 1] as const) pair.write(from, encoded([body, body]))
      for (const story of pair.stories) expect(story.at(-1)).toBe(`deliver ${[body, body].join('|')}`)
    }
  })

  it('[73] ZmtpMachine takes the long form for short frames, and ignores reserved flags', () => {
    const one = opened()
    const effects = one.handle(bytes('\xf3\0\0\0\0\0\0\0\x01a\xf2\0\0\0\0\0\0\0\x00'), 0)
    expect(lines(effects)).toEqual(['deliver a|'])
  })

  it('[75] ZmtpMachine answers PING at once, in the middle of a message too, with its context', () => {
    const one = opened()
    const [head, tail] = [Buffer.from([1, 1, 97]), Buffer.from([0, 1, 98])]
    const context = Buffer.from('\x04\x0a\x04PING\0\x01ctx', 'latin1')
    expect(lines(one.handle(bytes(Buffer.concat([head, PING, context, tail])), 0))).toEqual([
      `write ${PONG_HEX}`,
      'write 040804504f4e47637478',
      'deliver a|b',
    ])
  })

  it('[75] ZmtpMachine ignores unknown commands and a PONG it did not ask for', () => {
    const one = opened()
    const unknown = Buffer.from('\x04\x08\x05HELLOxx\x04\x05\x04PONG', 'latin1')
    expect(one.handle(bytes(unknown), 0)).toEqual([])
    expect(lines(one.handle(bytes(encoded(frames('x'))), 0))).toEqual(['deliver x'])
  })

  it.each([
    ['ERROR', '\x04\x07\x05ERROR\0', 'the peer refused us: no reason given'],
    ['a PING without a time', '\x04\x06\x04PING\0', 'a malformed PING'],
    ['a PING with too much context', `\x04\x18\x04PING\0\0${'x'.repeat(17)}`, 'a malformed PING'],
  ])('ZmtpMachine closes on %s', (_what, text, cause) => {
    expect(lines(opened().handle(bytes(text), 0))).toEqual([`close ${cause}`])
  })

  it('[77] ZmtpMachine delivers nothing of a message that was cut off', () => {
    const one = opened()
    expect(one.handle(bytes(Buffer.from([1, 1, 97, 1, 5, 98])), 0)).toEqual([])
    expect(lines(one.handle({ type: 'ended' }, 0))).toEqual([
      'close connection closed by the peer in the middle of a message',
    ])
    expect(one.handle(bytes('xxxx\0\0'), 0)).toEqual([])
  })

  it('[74] ZmtpMachine as PUB takes subscriptions as commands and as messages', () => {
    const ready = Buffer.from('\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB', 'latin1')
    for (const type of ['PUB', 'XPUB'] as const) {
      const one = opened({ type }, ready)
      const asCommands = '\x04\x0a\x09SUBSCRIBE\x04\x0c\x09SUBSCRIBEab\x04\x09\x06CANCELab'
      expect(lines(one.handle(bytes(asCommands), 0))).toEqual(['subscribe ', 'subscribe ab', 'cancel ab'])
      const asMessages = '\0\x01\x01\0\x03\x01ab\0\x03\0ab'
      expect(lines(one.handle(bytes(asMessages), 0))).toEqual(['subscribe ', 'subscribe ab', 'cancel ab'])
      expect(lines(one.handle(bytes('\0\x02hi\x01\x01\x01\0\x01x'), 0))).toEqual([
        'deliver hi',
        'deliver \x01|x',
      ])
    }
  })

  it('ZmtpMachine as ROUTER leaves subscriptions alone', () => {
    const one = opened()
    expect(lines(one.handle(bytes('\x04\x0a\x09SUBSCRIBE\0\x02\x01a'), 0))).toEqual(['deliver \x01a'])
  })

  it.each([
    ['a frame', '\x02\0\0\0\0\0\x0f\x42\x41', 'a frame of 1000001 bytes'],
    [
      'a frame beyond counting',
      '\x02\xff\xff\xff\xff\xff\xff\xff\xff',
      'a frame of 18446744073709552000 bytes',
    ],
    ['frames', '\x01\0'.repeat(101), 'a message of more than 100 frames'],
  ])('ZmtpMachine closes on too large %s as soon as it is announced', (_what, text, cause) => {
    expect(lines(opened().handle(bytes(text), 0))).toEqual([`close ${cause}`])
  })

  it('ZmtpMachine closes on a message that is too large in all', () => {
    const one = opened()
    const frame = Buffer.concat([Buffer.from('\x03\0\0\0\0\0\x0e\0\0', 'latin1'), Buffer.alloc(0x0e0000)])
    expect(one.handle(bytes(frame), 0)).toEqual([])
    expect(one.handle(bytes(frame), 0)).toEqual([])
    expect(lines(one.handle(bytes(frame.subarray(0, 9)), 0))).toEqual([
      'close a message of more than 2000000 bytes',
    ])
  })
})

describe('ZmtpMachine heartbeat', () => {
  const heartbeat = { intervalMs: 1000, timeoutMs: 300 }

  it('ZmtpMachine pings every interval, and lives while it hears anything', () => {
    const one = opened({ heartbeat })
    expect(one.wakeAtMs).toBe(1000)
    expect(lines(one.handle({ type: 'tick' }, 1000))).toEqual(['write 04070450494e47000d'])
    expect(one.wakeAtMs).toBe(1300)
    expect(one.handle(bytes(encoded(frames('x'))), 1299)).toHaveLength(1)
    expect(one.handle({ type: 'tick' }, 1300)).toEqual([])
    expect(one.wakeAtMs).toBe(2000)
  })

  it('ZmtpMachine closes when nothing comes back in time', () => {
    const one = opened({ heartbeat })
    one.handle({ type: 'tick' }, 1000)
    expect(lines(one.handle({ type: 'tick' }, 1300))).toEqual(['close heartbeat lost'])
  })

  it('ZmtpMachine forgives a silence that was our own pause', () => {
    const one = opened({ heartbeat })
    one.handle({ type: 'tick' }, 1000)
    one.handle({ type: 'resumed' }, 1299)
    expect(one.handle({ type: 'tick' }, 1300)).toEqual([])
  })

  it('two machines keep each other alive', () => {
    const pair = new MachinePair({ heartbeat }, { type: 'DEALER' })
    const [effect] = pair.ends[0].handle({ type: 'tick' }, 1000)
    const [pong] = pair.ends[1].handle(bytes(effect?.type === 'write' ? effect.bytes : ''), 0)
    expect(pong?.type === 'write' && pong.bytes.toString('hex')).toBe(PONG_HEX)
  })
})

describe('ZmtpMachine and large messages', () => {
  const limits = { ...LIMITS, frameBytesMax: 2 ** 24, messageBytesMax: 2 ** 24 }
  const message = [...frames('head', 'more'), Buffer.alloc(2 ** 21)]

  function told(options: Partial<ZmtpOptions>): string[] {
    const one = opened({ limits, largeFramesInPieces: true, tellsArrivals: true, ...options })
    const stream = encoded(message, frames('next'))
    const all: string[] = []
    for (let at = 0; at < stream.length; at += 60_000)
      all.push(...lines(one.handle(bytes(stream.subarray(at, at + 60_000)), at / 1e6)))
    return all.map(text => text.slice(0, 40))
  }

  it('ZmtpMachine tells once, when it is asked to, that a large message comes', () => {
    expect(told({})[0]).toBe('arriving head|more and 2097152 bytes')
    expect(told({}).map(text => text.split(' ')[0])).toEqual(['arriving', 'deliver', 'deliver'])
    for (const options of [{ tellsArrivals: false }, { largeFramesInPieces: false }])
      expect(told(options).map(text => text.split(' ')[0])).toEqual(['deliver', 'deliver'])
  })
})

describe('ZmtpMachine against anything', () => {
  const message = fc.array(fc.uint8Array({ maxLength: 600 }), { minLength: 1, maxLength: 20 })

  it('two machines carry any messages, cut anywhere', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 10 }),
        fc.integer({ min: 1, max: 500 }),
        (messages, step) => {
          const pair = new MachinePair({ type: 'DEALER' }, { type: 'ROUTER' }, step)
          const sent = messages.map(parts => parts.map(part => Buffer.from(part)))
          pair.write(1, encoded(...sent))
          const expected = sent.map(
            parts => `deliver ${parts.map(part => part.toString('latin1')).join('|')}`,
          )
          expect(pair.stories[0].slice(1)).toEqual(expected)
        },
      ),
      { seed: 23, numRuns: 200 },
    )
  })

  it('random bytes never throw, and after a close nothing happens', () => {
    const garbage = fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 })
    fc.assert(
      fc.property(garbage, fc.boolean(), fc.boolean(), (chunks, greeted, ready) => {
        const one = machine({ limits: { ...LIMITS, frameBytesMax: 10_000 } })
        one.handle({ type: 'connected' }, 0)
        if (greeted) one.handle(bytes(GREETING), 0)
        if (greeted && ready) one.handle(bytes(READY_DEALER), 0)
        for (const chunk of chunks) {
          const wasClosed = one.state === 'closed'
          const effects = one.handle(bytes(Buffer.from(chunk)), 0)
          if (wasClosed) expect(effects).toEqual([])
          const closeAt = effects.findIndex(effect => effect.type === 'close')
          if (closeAt >= 0) expect(closeAt).toBe(effects.length - 1)
        }
      }),
      { seed: 37, numRuns: 5000 },
    )
  })

  it('a good stream with flipped bits never throws', () => {
    const good = Buffer.concat([
      GREETING,
      READY_DEALER,
      encoded(frames('a', 'bb'), frames('x'.repeat(300))),
      PING,
    ])
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 100 }),
        (flips, step) => {
          const stream = Buffer.from(good)
          for (const [at, value] of flips) stream[at] = value
          const one = machine()
          one.handle({ type: 'connected' }, 0)
          for (let at = 0; at < stream.length; at += step)
            one.handle(bytes(stream.subarray(at, at + step)), 0)
        },
      ),
      { seed: 14, numRuns: 5000 },
    )
  })
})

import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SAFE_ID } from '../../../src/base/ids.ts'
import { DELIMITER, Envelope } from '../../../src/protocol/envelope.ts'
import { Session } from '../../../src/protocol/session.ts'
import { wireSamples } from '../../support/wire-samples.ts'
import { seeded } from '../controller/state/seeded.ts'

const DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:?\d{2})$/
const key = 'a key of this test'

function opened(session: Session, frames: Buffer[]): Envelope {
  const envelope = session.open(frames)
  if (!(envelope instanceof Envelope)) throw new Error(`refused: ${envelope}`)
  return envelope
}

function signed(type: 'apply_request' | 'stream' = 'apply_request'): Buffer[] {
  return new Session({ key }).pack({
    type,
    content: { text: 'é' },
    metadata: { a: 1 },
    buffers: [Buffer.from('x')],
  })
}

describe('Session', () => {
  for (const version of ['7.1.0', '9.1.0'] as const) {
    it(`[7] opens every message that real peers of ${version} signed`, () => {
      const { key, messages } = wireSamples(version)
      const withDelimiter = messages.filter(message => message.frames.some(frame => frame.equals(DELIMITER)))
      expect(withDelimiter.length).toBeGreaterThan(50)
      for (const { frames } of withDelimiter) {
        // Both legs of a relayed message carry the same signature: each needs a memory of its own.
        const { header } = opened(new Session({ key }), frames)
        expect(header.msg_type).toMatch(/^[a-z_]+$/)
      }
    })
  }

  it('signs as HMAC-SHA256 over the four parts, short and long', () => {
    for (const text of ['short', 'long'.repeat(5000)]) {
      const frames = new Session({ key }).pack({ type: 'stream', content: { text } })
      const expected = createHmac('sha256', key)
        .update(Buffer.concat(frames.slice(2, 6)))
        .digest('hex')
      expect(frames[1]?.toString()).toBe(expected)
    }
  })

  it('signs with keys longer than a block of the hash', () => {
    const long = 'k'.repeat(100)
    const frames = new Session({ key: long }).pack({ type: 'stream' })
    expect(frames[1]?.toString()).toBe(
      createHmac('sha256', long)
        .update(Buffer.concat(frames.slice(2, 6)))
        .digest('hex'),
    )
  })

  it('[8] refuses a message with any signed byte changed, and accepts a changed buffer', () => {
    for (const part of [1, 2, 3, 4, 5]) {
      for (let at = 0; at < signed()[part]!.length; at++) {
        const frames = signed().map(frame => Buffer.from(frame))
        frames[part]![at]! ^= 1
        expect(new Session({ key }).open(frames)).toBe('forged')
      }
    }
    const frames = signed().map(frame => Buffer.from(frame))
    frames[6]![0]! ^= 1
    expect(new Session({ key }).open(frames)).toBeInstanceOf(Envelope)
  })

  it('refuses any two parts swapped, and another key', () => {
    for (const a of [1, 2, 3, 4, 5]) {
      for (let b = a + 1; b <= 5; b++) {
        const frames = signed()
        ;[frames[a], frames[b]] = [frames[b]!, frames[a]!]
        expect(new Session({ key }).open(frames)).toBe('forged')
      }
    }
    expect(new Session({ key: 'another' }).open(signed())).toBe('forged')
  })

  it('refuses 20,000 forgeries of all kinds, and every message that it has seen', () => {
    const receiver = new Session({ key })
    const sender = new Session({ key })
    const stranger = new Session({ key: 'another' })
    const keyless = new Session({ key: '' })
    const random = seeded(20_261_125)
    const int = (end: number): number => Math.floor(random() * end)
    const refusals = { forged: 0, unsigned: 0, replayed: 0, malformed: 0 }
    const refused = (frames: Buffer[], why: keyof typeof refusals): void => {
      expect(receiver.open(frames)).toBe(why)
      refusals[why] += 1
    }
    for (let i = 0; i < 5000; i++) {
      const message = { type: 'apply_request', content: { i }, metadata: { n: int(1000) } } as const
      const genuine = sender.pack(message)
      const bent = genuine.map(frame => Buffer.from(frame))
      const frame = bent[1 + int(5)]!
      frame[int(frame.length)]! ^= 1 << int(8)
      refused(bent, 'forged')
      refused(stranger.pack(message), 'forged')
      refused(keyless.pack(message), 'unsigned')
      const { header, parentHeader, metadata } = opened(receiver, genuine)
      expect(header.msg_type).toBe('apply_request')
      expect([parentHeader, metadata]).toEqual([{}, { n: message.metadata.n }])
      refused(genuine, 'replayed')
    }
    expect(refusals).toEqual({ forged: 10_000, unsigned: 5000, replayed: 5000, malformed: 0 })
  })

  it('[9] refuses an unsigned message when there is a key, and signs nothing when there is none', () => {
    const unsigned = new Session({ key: '' }).pack({ type: 'apply_request' })
    expect(unsigned[1]).toHaveLength(0)
    expect(new Session({ key }).open(unsigned)).toBe('unsigned')
    expect(new Session({ key: '' }).open(unsigned)).toBeInstanceOf(Envelope)
  })

  it('[10] refuses what it has seen before, however long ago within its memory', () => {
    const receiver = new Session({ key })
    const sender = new Session({ key })
    const first = sender.pack({ type: 'apply_request' })
    opened(receiver, first)
    for (let i = 0; i < 10_000; i++) opened(receiver, sender.pack({ type: 'apply_request' }))
    expect(receiver.open(first)).toBe('replayed')
  })

  it('remembers nothing when it only peeks', () => {
    const receiver = new Session({ key })
    const frames = signed()
    expect(receiver.open(frames, true)).toBeInstanceOf(Envelope)
    expect(receiver.open(frames)).toBeInstanceOf(Envelope)
    expect(receiver.open(frames, true)).toBe('replayed')
  })

  it('[12] [13] writes all six header fields, with safe ids and a date that every peer reads', () => {
    const session = new Session({ key, username: 'o"brien' })
    const { header } = opened(new Session({ key }), session.pack({ type: 'apply_request' }))
    expect(Object.keys(header).sort()).toEqual([
      'date',
      'msg_id',
      'msg_type',
      'session',
      'username',
      'version',
    ])
    expect(header.msg_id).toMatch(SAFE_ID)
    expect(header.session).toBe(session.id)
    expect(session.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{24}$/)
    expect(header.date).toMatch(DATE)
    expect(header.username).toBe('o"brien')
    expect(header.version).toBe('5.3')
  })

  it('never sends the same bytes twice, however soon the same message goes out again', () => {
    const session = new Session({ key })
    const receiver = new Session({ key })
    for (let i = 0; i < 500; i++) opened(receiver, session.pack({ type: 'apply_request', msgId: 'again' }))
  })

  it('[15] finds the delimiter behind none, one and several routing frames', () => {
    for (const prefix of [
      [],
      [Buffer.from('client')],
      [Buffer.from('a'), Buffer.alloc(0), Buffer.from('b')],
    ]) {
      const envelope = opened(new Session({ key }), [...prefix, ...signed()])
      expect(envelope.prefix).toEqual(prefix)
      expect(envelope.content).toEqual({ text: 'é' })
      expect(envelope.metadata).toEqual({ a: 1 })
      expect(envelope.buffers).toEqual([Buffer.from('x')])
    }
  })

  it('[16] refuses a message without a delimiter, or with too little behind it', () => {
    const frames = signed()
    expect(new Session({ key }).open(frames.slice(1))).toBe('malformed')
    expect(new Session({ key }).open(frames.slice(0, 5))).toBe('malformed')
    expect(new Session({ key }).open([])).toBe('malformed')
  })

  it('answers with the request header as parent, given parsed or as its frame', () => {
    const request = opened(new Session({ key }), signed())
    const session = new Session({ key })
    for (const parentHeader of [request.header, request.headerFrame]) {
      const reply = opened(new Session({ key }), session.pack({ type: 'apply_reply', parentHeader }))
      expect(reply.parentHeader.msg_id).toBe(request.header.msg_id)
    }
  })
})

describe('Envelope', () => {
  const broken = (part: number, text: string): Envelope => {
    const frames = signed()
    frames[part] = Buffer.from(text)
    return Envelope.cut(frames)!
  }

  it('reads a broken part only when it is asked for, and then says which', () => {
    const envelope = broken(5, '{oops')
    expect(envelope.header.msg_type).toBe('apply_request')
    expect(() => envelope.content).toThrow(/content.*not JSON/)
    expect(() => broken(4, '[1]').metadata).toThrow(/metadata.*not a JSON object/)
    expect(() => broken(3, 'null').parentHeader).toThrow(/parent header.*not a JSON object/)
    expect(() => broken(2, '{"msg_id": 5, "msg_type": "x"}').header).toThrow(/lacks msg_id/)
  })
})

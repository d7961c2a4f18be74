import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DELIMITER } from '../../src/protocol/envelope.ts'
import { Signer } from '../../src/protocol/signature.ts'
import { Operation, packCall } from '../../src/serialize/payload.ts'
import type { Frame } from '../../src/transport/socket.ts'
import { Pair, valueIn } from '../fixtures/engine/pair.ts'

const MESSAGES = 100_000
const SEED = Number(process.env.ITSPARALLEL_SEED ?? 20_261_122)

/** A small generator of numbers below `n`, the same for the same seed. */
function numbers(seed: number): (n: number) => number {
  let state = seed >>> 0
  return n => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

const TYPES = [
  'apply_request',
  'execute_request',
  'abort_request',
  'signal_request',
  'registration_reply',
  'x',
  '',
]
const JUNK = [
  '',
  '{',
  '[]',
  'null',
  '5',
  '"x"',
  '{}',
  '{"msg_type":"apply_request"}',
  '{"msg_ids":7}',
  '\u0000\uffff',
]
const CONTENTS = [
  ...[
    '{}',
    '{"code":5}',
    '{"msg_ids":[1]}',
    '{"msg_ids":"all"}',
    '{"sig":"SIGNOPE"}',
    '{"sig":-1}',
    '{"restart":"yes"}',
  ],
  ...[
    '{"status":"ok"}',
    '{"status":"ok","id":"x"}',
    '{"code":"1","user_expressions":[[]]}',
    '{"__proto__":{"code":1}}',
  ],
]

describe('an engine that is sent nonsense', () => {
  let pair: Pair
  let signer: Signer

  beforeAll(async () => {
    pair = await Pair.start({ pingMs: 200 })
    signer = new Signer(pair.controller.key)
    await pair.controller.execute('const kept = 42')
  })
  afterAll(() => pair.close())

  /** A message that is wrong in some way, from wholly random frames to well signed nonsense. */
  const nonsense = (next: (n: number) => number): Frame[] => {
    const bytes = (): Frame => Buffer.from(Array.from({ length: next(40) }, () => next(256)))
    const pick = (list: readonly string[]): Frame => Buffer.from(list[next(list.length)]!)
    const header = (): Frame =>
      Buffer.from(
        JSON.stringify({
          msg_id: `m${next(1e9)}`,
          msg_type: TYPES[next(TYPES.length)],
          session: 's',
          username: 'u',
        }),
      )
    const parts: [Frame, Frame, Frame, Frame] =
      next(2) === 0
        ? [header(), pick(JUNK), pick(JUNK), pick(CONTENTS)]
        : [pick(JUNK), pick(JUNK), pick(JUNK), pick(JUNK)]
    const signature = Buffer.from(signer.sign(...parts))
    switch (next(5)) {
      case 0:
        return Array.from({ length: 1 + next(9) }, bytes)
      case 1:
        return [DELIMITER, bytes(), ...parts, bytes()]
      case 2: {
        const at = next(signature.length)
        signature[at] = signature[at]! ^ 1
        return [DELIMITER, signature, ...parts]
      }
      case 3:
        return [DELIMITER, signature, ...parts].slice(0, 1 + next(6))
      default:
        return [DELIMITER, signature, ...parts, bytes(), bytes()]
    }
  }

  it.each(['mux', 'control', 'registration'] as const)(
    `stays what it was, and says little (seed ${SEED}, %s)`,
    async socket => {
      const next = numbers(SEED)
      const { controller, engine } = pair
      const loggedBefore = engine.stderr.length
      for (let i = 0; i < MESSAGES; i++) {
        controller.sendRaw(socket, nonsense(next), socket === 'registration' ? 'peer' : 'client')
        if (i % 2000 === 0) await new Promise(resolve => setImmediate(resolve))
        if (controller.replies.length > 1000) controller.replies.length = 0
        controller.outputs.length = 0
      }
      const reply = await controller.apply(new Operation('pull'), ['kept'])
      expect(await valueIn(reply)).toBe(42)
      expect((await controller.control('kernel_info_request')).content.status).toBe('ok')
      const from = controller.pongs
      await controller.until('a pong', () => controller.pongs > from)
      expect(engine.child.exitCode).toBeNull()
      expect(engine.stderr.length - loggedBefore).toBeLessThan(20_000)
    },
    120_000,
  )

  it('refuses a request that it has seen', async () => {
    const { controller } = pair
    const msgId = controller.session.nextMessageId()
    const frames = controller.session.pack({ type: 'apply_request', buffers: packCall(() => 1, []), msgId })
    controller.sendRaw('mux', frames)
    controller.sendRaw('mux', frames)
    await controller.reply(msgId)
    await controller.apply(() => 2)
    expect(controller.replies.filter(({ parentId }) => parentId === msgId)).toHaveLength(1)
  })
})

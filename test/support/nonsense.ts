/** Messages that are wrong in some way, sent in great numbers to each socket of each role. */

import { DELIMITER } from '../../src/protocol/envelope.ts'
import { Session } from '../../src/protocol/session.ts'
import { Signer } from '../../src/protocol/signature.ts'
import type { Frame } from '../../src/transport/socket.ts'
import type { Pair } from '../fixtures/engine/pair.ts'
import type { FakeChannel, FakeCluster } from '../unit/client/fake-cluster.ts'
import type { RawClient, RawEngine } from '../unit/controller/peers.ts'
import { seeded } from '../unit/controller/state/seeded.ts'
import { OWN } from '../unit/controller/tools.ts'

/** Messages between two pauses in which the other side can read. */
const BURST = 2000

/** Frames that are made once and sent in random order: making them takes longer than all the rest. */
const POOL = 5000

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
  '\0\uffff',
]
const CONTENTS = [
  ...['{}', '{"code":5}', '{"msg_ids":[1]}', '{"msg_ids":"all"}', '{"sig":"SIGNOPE"}', '{"sig":-1}'],
  ...['{"restart":"yes"}', '{"status":"ok"}', '{"status":"ok","id":"x"}', '{"status":"error"}'],
  ...['{"code":"1","user_expressions":[[]]}', '{"__proto__":{"code":1}}', '{"name":7,"text":[]}'],
]

/** Random whole numbers below a bound, the same for the same seed. */
type Numbers = (end: number) => number

function numbers(seed: number): Numbers {
  const random = seeded(seed)
  return end => Math.floor(random() * end)
}

async function burst(count: number, send: () => void, pause: () => void = () => {}): Promise<void> {
  for (let i = 0; i < count; i++) {
    send()
    if (i % BURST !== 0) continue
    await new Promise(resolve => setImmediate(resolve))
    pause()
  }
}

/** From wholly random frames to well signed nonsense of one of `types`. */
function nonsense(int: Numbers, signer: Signer, types: readonly string[]): Frame[] {
  const pick = (list: readonly string[]): string => list[int(list.length)]!
  const bytes = (): Frame => Buffer.from(Array.from({ length: int(40) }, () => int(256)))
  const header = (): string =>
    JSON.stringify({ msg_id: `m${int(1e9)}`, msg_type: pick(types), session: 's', username: 'u' })
  const texts =
    int(2) === 0
      ? [header(), pick(JUNK), pick(JUNK), pick(CONTENTS)]
      : [pick(JUNK), pick(JUNK), pick(JUNK), pick(JUNK)]
  const parts = texts.map(text => Buffer.from(text)) as [Frame, Frame, Frame, Frame]
  const signature = Buffer.from(signer.sign(...parts))
  switch (int(5)) {
    case 0:
      return Array.from({ length: 1 + int(9) }, bytes)
    case 1:
      return [DELIMITER, bytes(), ...parts, bytes()]
    case 2: {
      const at = int(signature.length)
      signature[at] = signature[at]! ^ 1
      return [DELIMITER, signature, ...parts]
    }
    case 3:
      return [DELIMITER, signature, ...parts].slice(0, 1 + int(6))
    default:
      return [DELIMITER, signature, ...parts, bytes(), bytes()]
  }
}

/** To each socket of a controller: unsigned, forged, cut and bent messages, of clients and of a registered engine. */
export async function bombardController(
  client: RawClient,
  engine: RawEngine,
  count: number,
  seed: number,
): Promise<void> {
  const int = numbers(seed)
  const stranger = new Session({ key: 'another key' })
  const junk = (): Frame => Buffer.from(Array.from({ length: int(12) }, () => int(256)))
  const genuine = client.session.pack({ type: 'apply_request', metadata: OWN })
  const forged = stranger.pack({ type: 'unregistration_request', content: { id: 0 } })
  const malformed = (): Frame[] => {
    switch (int(5)) {
      case 0:
        return Array.from({ length: 1 + int(8) }, junk)
      case 1:
        return forged
      case 2:
        return genuine.slice(0, 1 + int(5))
      case 3: {
        const bent = genuine.map(frame => Buffer.from(frame))
        const frame = bent[1 + int(5)]!
        frame[int(frame.length)] = frame[int(frame.length)]! ^ (1 << int(8)) ^ 1
        return bent.every((one, at) => one.equals(genuine[at]!)) ? forged : bent
      }
      default:
        return [junk(), ...forged]
    }
  }
  const named =
    (socket: { send(frames: Frame[]): unknown }, name: string) =>
    (frames: Frame[]): void =>
      void socket.send([Buffer.from(name), ...frames])
  const targets: ((frames: Frame[]) => unknown)[] = [
    ...[...Object.values(client.sockets), engine.registration, engine.iopub, engine.pong].map(
      socket => (frames: Frame[]) => socket.send(frames),
    ),
    ...['mux_out', 'task_out', 'sub_scheduler_0'].map(name => named(engine.shell, name)),
    named(engine.controlSocket, 'control_out'),
  ]
  const pool = Array.from({ length: POOL }, malformed)
  await burst(count, () => {
    for (const send of targets) send(pool[int(pool.length)]!)
  })
}

/** Sockets of an engine that anything can come to. */
export const ENGINE_SOCKETS = ['mux', 'task', 'leaf', 'control', 'registration', 'hbPing'] as const

const ENGINE_TYPES = [
  ...['apply_request', 'execute_request', 'abort_request', 'signal_request', 'registration_reply', 'x', ''],
]

/** To one socket of an engine: from wholly random frames to well signed nonsense. */
export async function bombardEngine(
  { controller }: Pair,
  socket: (typeof ENGINE_SOCKETS)[number],
  count: number,
  seed: number,
): Promise<void> {
  const int = numbers(seed)
  const signer = new Signer(controller.key)
  const prefix = socket === 'registration' || socket === 'hbPing' ? 'peer' : 'client'
  await burst(
    count,
    () => controller.sendRaw(socket, nonsense(int, signer, ENGINE_TYPES), prefix),
    () => {
      if (controller.replies.length > 1000) controller.replies.length = 0
      controller.outputs.length = 0
    },
  )
}

/** Channels of a client, each a socket. */
export const CLIENT_CHANNELS = [
  ...(['registration', 'control', 'mux', 'task', 'broadcast', 'notification', 'iopub'] as const),
] satisfies FakeChannel[]

const CLIENT_TYPES = [
  ...[
    'apply_reply',
    'execute_reply',
    'connection_reply',
    'registration_notification',
    'stream',
    'status',
    'x',
    '',
  ],
]

/** To one socket of a client: from wholly random frames to well signed nonsense. */
export async function bombardClient(
  cluster: FakeCluster,
  channel: FakeChannel,
  count: number,
  seed: number,
): Promise<void> {
  const int = numbers(seed)
  const signer = new Signer(cluster.connection.key)
  await burst(count, () => cluster.sendRaw(channel, nonsense(int, signer, CLIENT_TYPES)))
}

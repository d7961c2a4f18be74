/**
 * The controller alone: no-op tasks through the balanced scheduler, with engines and a client that do nothing but pack
 * and sign. All engines live in the process that measures, the controller in a process of its own.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { newEngineUuid } from '../src/base/ids.ts'
import { silentLogger } from '../src/base/log.ts'
import { openRecords, parseRecords } from '../src/cli/records.ts'
import { type Controller, startController } from '../src/controller/controller.ts'
import { Envelope } from '../src/protocol/envelope.ts'
import { Session } from '../src/protocol/session.ts'
import type { Frame, Message, Socket } from '../src/transport/socket.ts'
import { tcpTransport } from '../src/transport/tcp.ts'

/** As the first argument: this process is the controller, with the records that the second one names. */
const SERVE = '--serve-controller'
/** Tasks that are not measured. */
const WARM_UP = 20_000

type Connections = Pick<Controller, 'clientConnection' | 'engineConnection'>

/** What the controller has used so far. */
interface Spent {
  readonly activeMs: number
  readonly cpuMs: number
  readonly rssMb: number
}

/** The controller's process: tells on request how long its thread has been busy. */
async function serve(kept: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'controller-tasks-'))
  const place = { profileDir: folder, clusterId: '' }
  const records = await openRecords({ records: parseRecords(kept) }, place, silentLogger)
  const controller = await startController({ pingMs: 3000, records })
  const { clientConnection, engineConnection } = controller
  process.send!({ clientConnection, engineConnection })
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    const spent: Spent = {
      activeMs: performance.eventLoopUtilization().active,
      cpuMs: (user + system) / 1000,
      rssMb: process.memoryUsage().rss / 2 ** 20,
    }
    process.send!(spent)
  })
  process.on(
    'disconnect',
    () =>
      void controller.stop().then(() => {
        rmSync(folder, { recursive: true })
        process.exit()
      }),
  )
}

function url(connection: { readonly interface: string }, port: number): string {
  return `${connection.interface}:${port}`
}

/** An engine that answers every task with the same small value. @returns its sockets. */
function startEngine({ engineConnection: at }: Connections): Socket[] {
  const uuid = newEngineUuid()
  const session = new Session({ key: at.key, sessionId: uuid })
  const value = [Buffer.from('{"n":1}')]
  const content = { status: 'ok' }
  const metadata = {
    started: new Date().toISOString(),
    dependencies_met: true,
    engine: uuid,
    is_broadcast: false,
    is_coalescing: false,
    original_msg_id: '',
    status: 'ok',
    run_ms: 0.011,
    outputs: 0,
  }
  const answer = (frames: Message): void => {
    const request = Envelope.cut(frames)!
    shell.send([
      ...request.prefix,
      ...session.pack({
        type: 'apply_reply',
        parentHeader: request.headerFrame,
        metadata,
        content,
        buffers: value,
      }),
    ])
  }
  const shell = tcpTransport.socket('ROUTER', { identity: uuid, onMessage: answer })
  shell.connect(url(at, at.task))
  const pong = tcpTransport.socket('DEALER', { identity: uuid })
  const ping = tcpTransport.socket('SUB', { onMessage: frames => void pong.send(frames) })
  const registration = tcpTransport.socket('DEALER', {
    identity: uuid,
    onMessage: () => {
      pong.connect(url(at, at.hb_pong))
      ping.subscribe('')
      ping.connect(url(at, at.hb_ping))
    },
  })
  registration.connect(url(at, at.registration))
  registration.send(session.pack({ type: 'registration_request', content: { uuid } }))
  return [shell, pong, ping, registration]
}

/** Resolves when `count` engines are registered. */
async function engineCount({ clientConnection: at }: Connections, count: number): Promise<void> {
  const session = new Session({ key: at.key })
  let enough = (): void => {}
  const done = new Promise<void>(resolve => {
    enough = resolve
  })
  const hub = tcpTransport.socket('DEALER', {
    onMessage: frames => {
      const { engines = {} } = Envelope.cut(frames)!.content as { engines?: object }
      if (Object.keys(engines).length >= count) enough()
      else setTimeout(() => hub.send(session.pack({ type: 'connection_request' })), 20)
    },
  })
  hub.connect(url(at, at.registration))
  hub.send(session.pack({ type: 'connection_request' }))
  await done
  await hub.close()
}

async function runTasks({ clientConnection: at }: Connections, tasks: number): Promise<number> {
  const session = new Session({ key: at.key })
  const buffers = [Buffer.from('{"call":"noop"}'), Buffer.from('x'.repeat(60))]
  const metadata = { itsparallel: { v: 1 } }
  let replies = 0
  let finish = (): void => {}
  const done = new Promise<void>(resolve => {
    finish = resolve
  })
  const socket = tcpTransport.socket('DEALER', {
    onMessage: () => {
      replies += 1
      if (replies === tasks) finish()
    },
  })
  socket.connect(url(at, at.task))
  const messages: Frame[][] = []
  for (let i = 0; i < tasks; i++) messages.push(session.pack({ type: 'apply_request', metadata, buffers }))
  const startMs = performance.now()
  for (const message of messages) socket.send(message)
  await done
  const elapsedMs = performance.now() - startMs
  await socket.close()
  return elapsedMs
}

/** A controller under load. */
export class ControllerLoad implements AsyncDisposable {
  readonly registeredMs: number
  readonly #child: ChildProcess
  readonly #connections: Connections
  readonly #engines: readonly Socket[]

  private constructor(
    child: ChildProcess,
    connections: Connections,
    engines: readonly Socket[],
    registeredMs: number,
  ) {
    this.#child = child
    this.#connections = connections
    this.#engines = engines
    this.registeredMs = registeredMs
  }

  /** Starts a controller and engines, and warms them up. */
  static async start(
    engines: number,
    records = 'memory',
    execArgv: readonly string[] = [],
  ): Promise<ControllerLoad> {
    const child = fork(fileURLToPath(import.meta.url), [SERVE, records], {
      execArgv: [...process.execArgv, ...execArgv],
    })
    const [connections] = (await once(child, 'message')) as [Connections]
    const startMs = performance.now()
    const sockets = Array.from({ length: engines }, () => startEngine(connections)).flat()
    await engineCount(connections, engines)
    const load = new ControllerLoad(child, connections, sockets, performance.now() - startMs)
    await runTasks(connections, WARM_UP)
    return load
  }

  /** @returns milliseconds until all were answered. */
  run(tasks: number): Promise<number> {
    return runTasks(this.#connections, tasks)
  }

  async spent(): Promise<Spent> {
    this.#child.send({})
    const [answer] = (await once(this.#child, 'message')) as [Spent]
    return answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#engines.map(socket => socket.close(0)))
    this.#child.disconnect()
    await once(this.#child, 'exit')
  }
}

if (process.argv[2] === SERVE) await serve(process.argv[3]!)

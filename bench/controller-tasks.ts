/**
 * The controller alone: no-op tasks through the balanced scheduler, with engines and a client that do nothing but pack
 * and sign. Prints, for each number of engines, tasks a second and the microseconds of the controller's thread a task.
 *
 *     node --import tsx bench/controller-tasks.ts [--tasks=100000] [--engines=4,1000] [--records=memory|sql|none] [--prof]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { newEngineUuid } from '../src/base/ids.ts'
import { silentLogger } from '../src/base/log.ts'
import { openRecords, parseRecords } from '../src/cli/records.ts'
import { type Controller, startController } from '../src/controller/controller.ts'
import { Envelope } from '../src/protocol/envelope.ts'
import { Session } from '../src/protocol/session.ts'
import type { Frame, Message } from '../src/transport/socket.ts'
import { tcpTransport } from '../src/transport/tcp.ts'

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '100000' },
    engines: { type: 'string', default: '4,1000' },
    records: { type: 'string', default: 'memory' },
    prof: { type: 'boolean', default: false },
    serve: { type: 'boolean', default: false },
  },
})
type Connections = Pick<Controller, 'clientConnection' | 'engineConnection'>

interface Spent {
  readonly activeMs: number
  readonly cpuMs: number
  readonly rssMb: number
}

/** The controller's process: tells on request how long its thread has been busy. */
async function serve(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'controller-tasks-'))
  const place = { profileDir: folder, clusterId: '' }
  const records = await openRecords({ records: parseRecords(values.records) }, place, silentLogger)
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

/** An engine that answers every task with the same small value. */
function startEngine({ engineConnection: at }: Connections): void {
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

async function measure(engines: number, tasks: number): Promise<void> {
  const program = fileURLToPath(import.meta.url)
  const prof = values.prof ? ['--cpu-prof', '--cpu-prof-dir=/tmp/controller-prof'] : []
  const child = fork(program, ['--serve', `--records=${values.records}`], {
    execArgv: [...process.execArgv, ...prof],
  })
  const [connections] = (await once(child, 'message')) as [Connections]
  const spent = async (): Promise<Spent> => {
    child.send({})
    const [answer] = (await once(child, 'message')) as [Spent]
    return answer
  }
  const startMs = performance.now()
  for (let i = 0; i < engines; i++) startEngine(connections)
  await engineCount(connections, engines)
  const registeredMs = performance.now() - startMs
  await runTasks(connections, 20_000)
  const before = await spent()
  const elapsedMs = await runTasks(connections, tasks)
  const after = await spent()
  const perTask = (ms: number): string => ((ms * 1000) / tasks).toFixed(2)
  console.log(
    `${engines} engines (registered in ${registeredMs.toFixed(0)} ms): ${Math.round((tasks * 1000) / elapsedMs)} tasks/s, ` +
      `controller ${perTask(after.activeMs - before.activeMs)} µs a task on its thread, ` +
      `${perTask(after.cpuMs - before.cpuMs)} µs in all its threads, ${after.rssMb.toFixed(0)} MB`,
  )
  child.disconnect()
  await once(child, 'exit')
}

if (values.serve) await serve()
else {
  for (const engines of values.engines.split(',')) await measure(Number(engines), Number(values.tasks))
  process.exit()
}

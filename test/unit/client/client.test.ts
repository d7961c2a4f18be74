import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Client } from '../../../src/client/client.ts'
import type { Jobs } from '../../../src/client/jobs.ts'
import { ConnectionError, DisconnectedError, TaskAborted, TimeoutError } from '../../../src/errors.ts'
import { memoryTransport } from '../../../src/transport/memory.ts'
import { FakeCluster, FakeEngine, type FakeRequest } from './fake-cluster.ts'

let cluster: FakeCluster
let rc: Client

beforeEach(async () => {
  cluster = await FakeCluster.start(2)
  rc = await cluster.connect()
})

afterEach(async () => {
  await rc.close()
  await cluster.close()
})

/** Holds every request back, and gives the first. */
function firstRequest(): Promise<FakeRequest> {
  return new Promise(resolve => {
    cluster.answer = request => {
      resolve(request)
      return undefined
    }
  })
}

describe('Client', () => {
  it('Client.connect knows the engines, and follows who comes and goes', async () => {
    expect(rc.ids).toEqual([0, 1])
    expect(rc.length).toBe(2)
    const events: unknown[] = []
    rc.on('engine:registered', ({ id }) => events.push(['came', id]))
    rc.on('engine:unregistered', ({ id, cause }) => events.push(['went', id, cause]))
    cluster.addEngine()
    await rc.waitForEngines(3)
    const gone = new Promise(resolve => rc.once('engine:unregistered', resolve))
    cluster.removeEngine(cluster.engines[0]!, { exit_code: 1 })
    await gone
    expect(rc.ids).toEqual([1, 2])
    expect(events).toEqual([
      ['came', 2],
      ['went', 0, { exit_code: 1 }],
    ])
  })

  it('Client.connect asks for the engines once more when its subscription is up', () => {
    expect(cluster.requestsOf('connection_request')).toHaveLength(2)
  })

  it('Client.connect says what it tried when nobody answers', async () => {
    const { connection } = cluster
    const attempt = Client.connect({ connection, transport: memoryTransport(), timeout: 0.05 })
    await expect(attempt).rejects.toThrow(ConnectionError)
    await expect(attempt).rejects.toThrow(
      `the controller at tcp://127.0.0.1:${connection.registration} (from the connection given) did not answer within 0.05 s: is it still running?`,
    )
  })

  it('Client.connect hints at the key when somebody listens but does not answer', async () => {
    const connection = { ...cluster.connection, key: 'another key' }
    const attempt = Client.connect({ connection, transport: cluster.transport, timeout: 0.05 })
    await expect(attempt).rejects.toThrow('or a controller with another key')
  })

  it('Client.connect names a connection file that is not there, broken, or stale', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'client-'))
    try {
      const connectionFile = join(folder, 'ipcontroller-client.json')
      await expect(Client.connect({ connectionFile, timeout: 0.05 })).rejects.toThrow(
        `there is no connection file ${connectionFile}`,
      )
      await writeFile(connectionFile, 'not json')
      await expect(Client.connect({ connectionFile })).rejects.toThrow('is not a connection file')
      // Port 1 of the loopback interface: nobody listens there.
      await writeFile(connectionFile, JSON.stringify({ ...cluster.connection, registration: 1 }))
      await expect(Client.connect({ connectionFile })).rejects.toThrow(
        `nobody listens at tcp://127.0.0.1:1, where ${connectionFile} says the controller is: the file is stale.`,
      )
      const profileDir = join(folder, 'profile_nowhere')
      await expect(Client.connect({ profileDir })).rejects.toThrow(`there is no profile folder ${profileDir}`)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('Client.waitForEngines rejects with a TimeoutError that says how many there are', async () => {
    const wait = rc.waitForEngines(5, { timeout: 0.01 })
    await expect(wait).rejects.toThrow(TimeoutError)
    await expect(wait).rejects.toThrow('2 of 5 engines were registered after 0.01 s')
    expect(rc.listenerCount('engine:registered')).toBe(0)
  })

  it('Client.wait waits for results, message ids, or all', async () => {
    const request = firstRequest()
    const result = rc.at(0).apply(() => 1)
    expect(await rc.wait(result, { timeout: 0.01 })).toBe(false)
    expect(await rc.wait(undefined, { timeout: 0.01 })).toBe(false)
    const all = rc.wait()
    const byId = rc.wait(result.msgIds)
    cluster.reply(await request, await (await request).engine!.run((await request).envelope))
    expect(await Promise.all([all, byId, rc.wait([result]), rc.wait('unknown')])).toEqual([
      true,
      true,
      true,
      true,
    ])
  })

  it('Client.outstanding has the ids of what was not answered yet, in the order of asking', async () => {
    cluster.answer = () => undefined
    const [first, second] = [rc.at(1).apply(() => 1), rc.loadBalancedView().apply(() => 2)]
    expect(rc.outstanding).toEqual([...first.msgIds, ...second.msgIds])
    first.cancel()
    expect(rc.outstanding).toEqual(second.msgIds)
    second.cancel()
    expect(rc.outstanding).toEqual([])
  })

  it('Client.waitInteractive counts what is done of results, ids, or all', async () => {
    const waiting: FakeRequest[] = []
    const held = new Promise<void>(resolve => {
      cluster.answer = request => {
        if (waiting.push(request) === 3) resolve()
        return undefined
      }
    })
    const result = rc.directView().apply(() => 1)
    const other = rc.at(0).apply(() => 2)
    await held
    const shown = (jobs?: Jobs, timeout?: number) => {
      const stream = new PassThrough()
      return rc
        .waitInteractive(jobs, { stream, interval: 0.01, ...(timeout !== undefined && { timeout }) })
        .then(inTime => [inTime, String(stream.read()).replace(/ after .*/g, '')])
    }
    expect(await shown(undefined, 0.01)).toEqual([false, 'requests: 0/3 done\n'])
    const [all, some] = [shown(), shown([other, result.msgIds[1]!, 'unknown'])]
    for (const request of waiting) cluster.reply(request, await request.engine!.run(request.envelope))
    expect((await all)[0]).toBe(true)
    expect((await all)[1]).toMatch(/requests: 3\/3 done\n$/)
    expect((await some)[1]).toMatch(/requests: 2\/2 done\n$/)
  })

  it('Client emits what its requests print', async () => {
    const printed: unknown[] = []
    rc.on('stdout', ({ text, engineId }) => printed.push(['stdout', text, engineId]))
    rc.on('stderr', ({ text, engineId }) => printed.push(['stderr', text, engineId]))
    rc.on('display', ({ data }) => printed.push(data))
    cluster.answer = async request => {
      cluster.publish(request.engine!, request, 'stream', { name: 'stdout', text: 'out' })
      cluster.publish(request.engine!, request, 'stream', { name: 'stderr', text: 'err' })
      cluster.publish(request.engine!, request, 'display_data', { data: { 'text/plain': 'picture' } })
      const reply = await request.engine!.run(request.envelope)
      return { ...reply, metadata: { ...reply.metadata, outputs: 3 } }
    }
    const result = rc.at(1).apply(() => 1)
    await result
    expect(printed).toEqual([['stdout', 'out', 1], ['stderr', 'err', 1], { 'text/plain': 'picture' }])
    expect(result.stdout).toBe('out')
    expect(result.outputs).toHaveLength(3)
  })

  it('Client and views control engines by messages of their own', async () => {
    await rc.clear()
    await rc.sendSignal('SIGINT', { targets: 0 })
    await rc.shutdown({ targets: [1] })
    await rc.at(0).shutdown({ restart: true })
    const control = cluster.requests.filter(({ channel }) => channel === 'control')
    expect(
      control.map(({ engine, envelope }) => [engine!.id, envelope.header.msg_type, envelope.content]),
    ).toEqual([
      [0, 'clear_request', {}],
      [1, 'clear_request', {}],
      [0, 'signal_request', { sig: 'SIGINT' }],
      [1, 'shutdown_request', { restart: false }],
      [0, 'shutdown_request', { restart: true }],
    ])
  })

  it('Client.abort asks the engine that has a request, and never with an empty list', async () => {
    await rc.abort()
    const request = firstRequest()
    const result = rc.at(1).apply(() => 1)
    await request
    await rc.abort(result)
    const aborts = cluster.requestsOf('abort_request')
    expect(aborts.map(({ engine, envelope }) => [engine!.id, envelope.content])).toEqual([
      [1, { msg_ids: result.msgIds }],
    ])
    cluster.reply(await request, { content: { status: 'aborted' }, metadata: { status: 'aborted' } })
    await expect(result.get()).rejects.toBeInstanceOf(TaskAborted)
    expect(result.metadata).toMatchObject({ status: 'aborted' })
  })

  it('Client.queueStatus gives counts by engine id', async () => {
    expect(await rc.queueStatus()).toEqual({
      0: { queue: 1, completed: 2, tasks: 3 },
      1: { queue: 1, completed: 2, tasks: 3 },
      unassigned: 4,
    })
  })

  it('Client fails everything outstanding when it is closed, and refuses what comes after', async () => {
    const view = rc.directView()
    const request = firstRequest()
    const result = view.apply(() => 1)
    await request
    await rc.close()
    await expect(result.get()).rejects.toThrow()
    expect(() => rc.at(0).apply(() => 1)).toThrow(DisconnectedError)
    await expect(rc.queueStatus()).rejects.toThrow('this client was closed')
    await expect(rc.waitForEngines(9)).rejects.toThrow(DisconnectedError)
    await rc.close()
  })

  it('Client fails everything outstanding when the controller shuts down', async () => {
    const request = firstRequest()
    const result = rc.at(0).apply(() => 1)
    await request
    const closed = new Promise<Error>(resolve => rc.once('close', resolve))
    await rc.shutdown({ targets: [], hub: true }).catch(() => {})
    await rc.shutdown({ hub: true }).catch(() => {})
    await expect(result.get()).rejects.toThrow('was shut down')
    expect((await closed).message).toContain('start a cluster and connect anew')
  })

  it('Client fails everything outstanding when the controller is lost and does not come back', async () => {
    const impatient = await cluster.connect({ reconnectTimeout: 0.05 })
    const request = firstRequest()
    const result = impatient.at(0).apply(() => 1)
    await request
    await cluster.close()
    await expect(result.get()).rejects.toThrow('did not come back within 0.05 s')
    expect(String(impatient)).toBe('<Client closed; 0 outstanding>')
    await impatient.close()
  })

  it('Client keeps what is outstanding when the controller comes back, and learns who is there', async () => {
    const request = firstRequest()
    const result = rc.at(0).apply(() => 1)
    await request
    // Nobody tells about this one: the list that is asked for anew does.
    cluster.engines.push(new FakeEngine(7))
    const came = new Promise(resolve => rc.once('engine:registered', resolve))
    await cluster.cutRegistration()
    expect(await came).toMatchObject({ id: 7 })
    expect(result.ready()).toBe(false)
    cluster.reply(await request, await (await request).engine!.run((await request).envelope))
    expect(await result).toBe(1)
  })

  it('Client ignores replies to nothing, and what is signed with another key', async () => {
    const result = rc.at(0).apply((x: number) => x, 1)
    expect(await result).toBe(1)
    const [request] = cluster.requestsOf('apply_request')
    cluster.reply(request!, await request!.engine!.run(request!.envelope))
    expect(await rc.at(0).apply((x: number) => x, 2)).toBe(2)
    expect(await result).toBe(1)
  })

  it('Client fails a request whose reply cannot be read', async () => {
    cluster.answer = request => {
      cluster.replyRubbish(request)
      return undefined
    }
    const result = rc.at(0).apply(() => 1)
    await expect(result.get()).rejects.toMatchObject({ code: 'ERR_REMOTE_PROTOCOL' })
    const mapped = rc.loadBalancedView().map((x: number) => x, [1, 2, 3])
    await expect(mapped.get()).rejects.toMatchObject({ code: 'ERR_REMOTE_PROTOCOL' })
    expect(String(rc)).toContain('0 outstanding')
  })

  it('Client survives a listener that throws, which fails by itself', async () => {
    const uncaught = new Promise(resolve => {
      const listeners = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.once('uncaughtException', error => {
        for (const listener of listeners) process.on('uncaughtException', listener)
        resolve(error)
      })
    })
    rc.once('engine:registered', () => {
      throw new Error('my own bug')
    })
    cluster.addEngine()
    expect(await uncaught).toEqual(new Error('my own bug'))
    expect(await rc.directView().apply(() => 1)).toEqual([1, 1, 1])
  })

  it('Client tells its state at a glance', async () => {
    expect(String(rc)).toBe('<Client engines 0, 1; 0 outstanding>')
  })

  it('Client takes many tasks in one turn', async () => {
    const view = rc.loadBalancedView()
    const results = Array.from({ length: 2000 }, (_, i) => view.apply((x: number) => x, i))
    const values = await Promise.all(results)
    expect(values).toEqual(Array.from({ length: 2000 }, (_, i) => i))
  })
})

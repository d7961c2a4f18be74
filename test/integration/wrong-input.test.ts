import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Client,
  Cluster,
  ConnectionError,
  InvalidTargetError,
  RemoteError,
  SerializationError,
} from 'itsparallel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** What `promise` fails with. */
async function failure(promise: PromiseLike<unknown>): Promise<unknown> {
  return promise.then(
    value => expect.unreachable(`it gave ${String(value)}`),
    (reason: unknown) => reason,
  )
}

describe('wrong input gives one clear error', () => {
  let cluster: Cluster
  let rc: Client
  beforeAll(async () => {
    cluster = await Cluster.start({ n: 2 })
    rc = await cluster.connect()
  })
  afterAll(async () => {
    await rc.close()
    await cluster.stop()
  })

  it('for an unknown engine id: which there are', () => {
    const wrong = () => rc.directView([0, 7])
    expect(wrong).toThrow(InvalidTargetError)
    expect(wrong).toThrow(/7.*0, 1/)
    expect(() => rc.at(2)).toThrow(InvalidTargetError)
  })

  it('for an undefined name pulled: the name', async () => {
    const error = await failure(rc.at(0).pull('nowhere'))
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toMatchObject({ ename: 'ReferenceError', engineId: 0 })
    expect(String(error)).toContain('nowhere is not defined')
  })

  it('for a function that throws: the user’s file and line', async () => {
    const error = await failure(
      rc.at(1).apply((x: number) => {
        throw new RangeError(`bad ${x}`)
      }, 5),
    )
    expect(error).toBeInstanceOf(RemoteError)
    expect(error).toMatchObject({ ename: 'RangeError', evalue: 'bad 5', engineId: 1 })
    expect((error as RemoteError).traceback).toMatch(/wrong-input\.test\.ts:\d+:\d+/)
  })

  it('for a function that captures a socket: the path to it, at the call', () => {
    const socket = new Socket()
    const config = { name: 'x', socket }
    const simulate = () => config.name
    expect(() => rc.at(0).apply(simulate)).toThrow(SerializationError)
    expect(() => rc.at(0).apply(simulate)).toThrow(/simulate → config → socket/)
  })

  it('and leaves the engines as they were', async () => {
    expect(await rc.directView().apply(() => 'still here')).toEqual(['still here', 'still here'])
  })
})

describe('a stale connection file', () => {
  let folder: string
  let mute: Server
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'itsparallel-test-'))
    mute = createServer(socket => socket.resume())
    await new Promise<void>(resolve => mute.listen(0, '127.0.0.1', resolve))
  })
  afterAll(async () => {
    mute.close()
    await rm(folder, { recursive: true })
  })

  async function fileWithPort(port: number): Promise<string> {
    const ports = Object.fromEntries(
      ['registration', 'control', 'mux', 'task', 'iopub', 'notification', 'broadcast'].map(name => [
        name,
        port,
      ]),
    )
    const path = join(folder, `ipcontroller-${port}-client.json`)
    await writeFile(
      path,
      JSON.stringify({
        ...ports,
        ssh: '',
        interface: 'tcp://127.0.0.1',
        task_scheme: 'leastload',
        key: 'k',
        curve_serverkey: null,
        location: '',
        pack: 'json',
        unpack: 'json',
        signature_scheme: 'hmac-sha256',
      }),
    )
    return path
  }

  it('is named, with what was tried and what to do, when nobody listens', async () => {
    const closed = createServer()
    const port = await new Promise<number>(resolve =>
      closed.listen(0, '127.0.0.1', () => resolve((closed.address() as { port: number }).port)),
    )
    await new Promise(resolve => closed.close(resolve))
    const connectionFile = await fileWithPort(port)
    const error = await failure(Client.connect({ connectionFile, timeout: 1 }))
    expect(error).toBeInstanceOf(ConnectionError)
    expect(String(error)).toContain(connectionFile)
    expect(String(error)).toContain(`127.0.0.1:${port}`)
    expect(String(error)).toContain('ipcluster start')
  })

  it('is named when something else listens there', async () => {
    const connectionFile = await fileWithPort((mute.address() as { port: number }).port)
    const error = await failure(Client.connect({ connectionFile, timeout: 1 }))
    expect(error).toBeInstanceOf(ConnectionError)
    expect(String(error)).toContain(connectionFile)
  })
})

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  connectionFilePath,
  connectionFilePaths,
  isListening,
  removeConnectionFiles,
  waitForFile,
  writeConnectionFiles,
} from '../../../src/config/connection-files.ts'
import { ConfigurationError, TimeoutError } from '../../../src/errors.ts'
import {
  type ClientConnection,
  type EngineConnection,
  readClientConnection,
  readEngineConnection,
} from '../../../src/protocol/connection-file.ts'

let folder: string
let security: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'connection-'))
  security = join(folder, 'profile_x', 'security')
})
afterEach(() => rmSync(folder, { recursive: true }))

const common = {
  ssh: '',
  interface: 'tcp://127.0.0.1',
  registration: 1001,
  control: 1002,
  mux: 1003,
  task: 1004,
  iopub: 1005,
  key: 'a-key',
  curve_serverkey: null,
  location: 'here',
  pack: 'json',
  unpack: 'json',
  signature_scheme: 'hmac-sha256',
} as const
const client: ClientConnection = { ...common, task_scheme: 'leastload', notification: 1006, broadcast: 1007 }
const engine: EngineConnection = { ...common, hb_ping: 1008, hb_pong: 1009, broadcast: [1010] }

describe('writeConnectionFiles', () => {
  it('writes files that only their owner may read, and nothing else', () => {
    const paths = writeConnectionFiles(security, '', client, engine)
    expect(paths).toEqual(connectionFilePaths(security))
    expect(readdirSync(security).sort()).toEqual(['ipcontroller-client.json', 'ipcontroller-engine.json'])
    expect(statSync(security).mode & 0o777).toBe(0o700)
    for (const path of Object.values(paths)) expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('writes what the readers read, indented by two', async () => {
    const paths = writeConnectionFiles(security, 'night', client, engine)
    expect(await readClientConnection(paths.client)).toEqual(client)
    expect(await readEngineConnection(paths.engine)).toEqual(engine)
    expect(paths.client).toMatch(/ipcontroller-night-client\.json$/)
    expect(readFileSync(paths.client, 'utf8')).toMatch(/^\{\n {2}"ssh": "",/)
  })

  it('closes a security folder that others could enter', () => {
    mkdirSync(security, { recursive: true, mode: 0o755 })
    writeConnectionFiles(security, '', client, engine)
    expect(statSync(security).mode & 0o777).toBe(0o700)
  })

  it('says what is in the way', () => {
    writeFileSync(join(folder, 'profile_x'), 'a file where a folder should be')
    expect(() => writeConnectionFiles(security, '', client, engine)).toThrow(ConfigurationError)
  })
})

describe('removeConnectionFiles', () => {
  it('removes the files of its own cluster only', () => {
    writeConnectionFiles(security, 'a', client, engine)
    writeConnectionFiles(security, 'b', client, engine)
    removeConnectionFiles(security, 'a')
    expect(readdirSync(security)).toEqual(['ipcontroller-b-client.json', 'ipcontroller-b-engine.json'])
    removeConnectionFiles(security, 'a')
  })

  it('leaves files that another controller has written since', () => {
    writeConnectionFiles(security, '', client, engine)
    removeConnectionFiles(security, '', 'the key of an earlier controller')
    expect(readdirSync(security)).toHaveLength(2)
    removeConnectionFiles(security, '', common.key)
    expect(readdirSync(security)).toHaveLength(0)
  })
})

describe('waitForFile', () => {
  it('resolves when the file is there', async () => {
    const path = join(folder, 'late')
    const waiting = waitForFile(path, { timeoutMs: 10_000 })
    writeFileSync(path, '')
    await waiting
  })

  it('throws TimeoutError that says what to do', async () => {
    const waiting = waitForFile(join(folder, 'never'), { timeoutMs: 1 })
    await expect(waiting).rejects.toThrow(TimeoutError)
    await expect(waiting).rejects.toThrow(/ipcluster start/)
  })

  it('throws the reason of its signal', async () => {
    const reason = new Error('no longer wanted')
    const controller = new AbortController()
    const waiting = waitForFile(join(folder, 'never'), { timeoutMs: 10_000, signal: controller.signal })
    controller.abort(reason)
    await expect(waiting).rejects.toSatisfy((e: Error) => e === reason || e.cause === reason)
  })
})

describe('isListening', () => {
  async function serve(greeting: string): Promise<Server> {
    const server = createServer(socket => socket.end(Buffer.from(greeting, 'latin1')))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return server
  }
  const probe = (server: Server) =>
    isListening({
      interface: 'tcp://127.0.0.1',
      location: '',
      registration: (server.address() as { port: number }).port,
    })

  it('tells a listening controller from one that is gone', async () => {
    const server = await serve('\xff\0\0\0\0\0\0\0\x01\x7f')
    expect(await probe(server)).toBe(true)
    const where = {
      interface: 'tcp://127.0.0.1',
      location: '',
      registration: (server.address() as { port: number }).port,
    }
    await new Promise(resolve => server.close(resolve))
    expect(await isListening(where)).toBe(false)
  })

  it('does not take another kind of server for a controller', async () => {
    const server = await serve('220 mail.example ESMTP')
    expect(await probe(server)).toBe(false)
    const silent = await serve('')
    expect(await probe(silent)).toBe(false)
    await Promise.all([server, silent].map(one => new Promise(resolve => one.close(resolve))))
  })
})

describe('connectionFilePath', () => {
  it('looks for a bare name in the security folder, and takes a path as it is', () => {
    const where = { securityDir: '/s', clusterId: 'id' }
    expect(connectionFilePath('engine', where)).toBe('/s/ipcontroller-id-engine.json')
    expect(connectionFilePath('engine', { ...where, file: 'other.json' })).toBe('/s/other.json')
    expect(connectionFilePath('engine', { ...where, file: './other.json' })).toBe('./other.json')
    expect(connectionFilePath('client', { ...where, file: '/t/other.json' })).toBe('/t/other.json')
  })
})

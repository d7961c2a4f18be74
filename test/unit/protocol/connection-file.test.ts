import { hostname, networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigurationError, ConnectionError } from '../../../src/errors.ts'
import {
  connectionFileName,
  parseClientConnection,
  parseEngineConnection,
  readClientConnection,
  resolveInterface,
} from '../../../src/protocol/connection-file.ts'
import { connectionFileSamples } from '../../support/wire-samples.ts'

const samples = connectionFileSamples()
const client = samples['client 7.1.0 default']!
const parse = (change: object) =>
  parseClientConnection(JSON.stringify({ ...client, ...change }), 'client.json')

describe('connection files', () => {
  it('[3] reads what real controllers write, also where they say orjson', () => {
    for (const [title, file] of Object.entries(samples)) {
      if (/ipc|CURVE/.test(title)) continue
      const read = title.startsWith('engine') ? parseEngineConnection : parseClientConnection
      expect(read(JSON.stringify(file), title)).toMatchObject({
        registration: file.registration,
        key: file.key,
      })
    }
  })

  it('names the file, the field and what to do when it cannot use one', () => {
    expect(() => parseClientConnection('nonsense', 'client.json')).toThrow(/client\.json.*not JSON/)
    expect(() => parse({ mux: undefined })).toThrow(/client\.json.*mux/)
    expect(() => parse({ pack: 'pickle' })).toThrow(/pack: messages must be packed as json/)
    expect(() => parse({ interface: 'ipc://x' })).toThrow(/interface: only tcp/)
    expect(() => parse({ signature_scheme: 'hmac-md5' })).toThrow(/only hmac-sha256/)
    expect(() => parse({ mux: 70_000 })).toThrow(ConfigurationError)
  })

  it('refuses a controller that encrypts, and says so', () => {
    expect(() => parse({ curve_serverkey: 'x'.repeat(40) })).toThrow(/curve_serverkey.*without encryption/)
  })

  it('says that a controller must be started where the file is missing', async () => {
    const path = join(tmpdir(), 'no-such-folder', 'ipcontroller-client.json')
    await expect(readClientConnection(path)).rejects.toThrow(ConnectionError)
    await expect(readClientConnection(path)).rejects.toThrow(/ipcluster start/)
  })

  it('[4] are named after the role and the cluster', () => {
    expect(connectionFileName('client')).toBe('ipcontroller-client.json')
    expect(connectionFileName('engine', 'foo')).toBe('ipcontroller-foo-engine.json')
  })
})

describe('resolveInterface', () => {
  it('takes an address as it is', async () => {
    expect(await resolveInterface({ interface: 'tcp://10.1.2.3', location: 'elsewhere' })).toBe(
      'tcp://10.1.2.3',
    )
  })

  it('[5] reaches this machine through 127.0.0.1', async () => {
    const own = Object.values(networkInterfaces())
      .flatMap(list => list ?? [])
      .find(entry => entry.family === 'IPv4')
    for (const location of ['', hostname(), own?.address ?? '127.0.0.1']) {
      for (const any of ['tcp://*', 'tcp://0.0.0.0']) {
        expect(await resolveInterface({ interface: any, location })).toBe('tcp://127.0.0.1')
      }
    }
  })

  it('goes to the controller’s host otherwise', async () => {
    expect(await resolveInterface({ interface: 'tcp://*', location: '192.0.2.7' })).toBe('tcp://192.0.2.7')
  })
})

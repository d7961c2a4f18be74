import { describe, expect, it } from 'vitest'
import { forwardTunnel, isLocalOnly, reverseTunnel, wayFrom } from '../../../src/cluster/ssh-tunnel.ts'
import type { ClientConnection, EngineConnection } from '../../../src/protocol/connection-file.ts'

const connection: EngineConnection = {
  ssh: '',
  interface: 'tcp://127.0.0.1',
  registration: 1001,
  control: 1002,
  mux: 1003,
  task: 1004,
  iopub: 1005,
  hb_ping: 1006,
  hb_pong: 1007,
  broadcast: [1008, 1009],
  key: 'secret',
  curve_serverkey: null,
  location: 'login1',
  pack: 'json',
  unpack: 'json',
  signature_scheme: 'hmac-sha256',
}

describe('reverseTunnel', () => {
  it('leads every port of the far end to one of the controller, and no two to the same', () => {
    const { connection: there, args } = reverseTunnel(connection, '10.0.0.1', 0.5)
    const { registration, control, mux, task, iopub, hb_ping, hb_pong, broadcast } = there
    const ports = [registration, control, mux, task, iopub, hb_ping, hb_pong, ...broadcast]
    expect(args).toEqual(ports.flatMap((port, i) => ['-R', `127.0.0.1:${port}:10.0.0.1:${1001 + i}`]))
    expect(new Set(ports).size).toBe(9)
    expect(there).toMatchObject({ interface: 'tcp://127.0.0.1', location: '', key: 'secret' })
  })

  it.each([0, 0.999_999])('stays within the ports that nobody is given by the system (%d)', random => {
    const { broadcast, registration } = reverseTunnel(connection, '10.0.0.1', random).connection
    expect(registration).toBeGreaterThanOrEqual(20_000)
    expect(broadcast[1]).toBeLessThan(30_000)
  })
})

describe('forwardTunnel', () => {
  const { hb_ping, hb_pong, ...common } = connection
  const client: ClientConnection = {
    ...common,
    control: 1012,
    mux: 1013,
    task: 1014,
    iopub: 1015,
    notification: 1016,
    broadcast: 1017,
    task_scheme: 'leastload',
  }

  it('leads every port of this machine to one of the controller, once', () => {
    const here = forwardTunnel({ client, engine: connection }, 'node0', 0.5)
    const forwards = here.args.filter(arg => arg !== '-L').map(arg => arg.split(':'))
    expect(forwards.map(([address, , target]) => `${address} ${target}`)).toEqual(
      Array(15).fill('127.0.0.1 127.0.0.1'),
    )
    expect(new Set(forwards.map(([, port]) => port)).size).toBe(15)
    const portThere = (port: number) => Number(forwards.find(([, here]) => Number(here) === port)?.[3])
    expect(portThere(here.client.registration)).toBe(1001)
    expect(here.engine.registration).toBe(here.client.registration)
    expect(portThere(here.client.mux)).toBe(1013)
    expect(portThere(here.engine.mux)).toBe(1003)
    expect(here.engine.broadcast.map(portThere)).toEqual([1008, 1009])
    expect(here.engine).toMatchObject({ interface: 'tcp://127.0.0.1', key: 'secret' })
    expect(here.engine.untunnelled).toEqual({ host: 'node0', connection })
  })

  it('leads to the address at which the controller listens', () => {
    const place = { interface: 'tcp://10.0.0.7' }
    const files = { client: { ...client, ...place }, engine: { ...connection, ...place } }
    expect(forwardTunnel(files, 'node0', 0).args).toContain('127.0.0.1:20001:10.0.0.7:1016')
  })
})

describe('wayFrom', () => {
  const local = { ...connection, interface: 'tcp://127.0.0.1' }
  const open = { ...connection, interface: 'tcp://*', location: 'node0' }
  const through = (there: EngineConnection) => ({
    ...local,
    untunnelled: { host: 'me@node0', connection: there },
  })

  it.each([
    ['a controller of this machine only', local, 'auto', true, local],
    ['one that listens to all', open, 'auto', false, open],
    ['one that is to be tunnelled all the same', open, true, true, open],
    ['one that must not be', local, false, false, local],
    ['one of another host, for itself only', through(local), 'auto', true, local],
    ['one of another host that only we do not reach', through(open), 'auto', false, open],
  ] as const)('to %s', (_, file, tunnel, isTunnelled, found) => {
    expect(wayFrom('node1', file, tunnel)).toEqual({ connection: found, isTunnelled })
  })

  it('is direct on the host of the controller', () => {
    expect(wayFrom('node0', through(open), true)).toEqual({ connection: open, isTunnelled: false })
  })
})

describe('isLocalOnly', () => {
  it.each([
    ['tcp://127.0.0.1', true],
    ['tcp://127.8.9.1', true],
    ['tcp://*', false],
    ['tcp://0.0.0.0', false],
    ['tcp://10.127.0.1', false],
  ])('of %s is %s', (address, isLocal) => {
    expect(isLocalOnly({ interface: address })).toBe(isLocal)
  })
})

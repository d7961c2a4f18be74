import { describe, expect, it } from 'vitest'
import { isLocalOnly, tunnelled } from '../../../src/cluster/ssh-tunnel.ts'
import type { EngineConnection } from '../../../src/protocol/connection-file.ts'

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

describe('tunnelled', () => {
  it('leads every port of the far end to one of the controller, and no two to the same', () => {
    const { connection: there, args } = tunnelled(connection, '10.0.0.1', 0.5)
    const { registration, control, mux, task, iopub, hb_ping, hb_pong, broadcast } = there
    const ports = [registration, control, mux, task, iopub, hb_ping, hb_pong, ...broadcast]
    expect(args).toEqual(ports.flatMap((port, i) => ['-R', `127.0.0.1:${port}:10.0.0.1:${1001 + i}`]))
    expect(new Set(ports).size).toBe(9)
    expect(there).toMatchObject({ interface: 'tcp://127.0.0.1', location: '', key: 'secret' })
  })

  it.each([0, 0.999_999])('stays within the ports that nobody is given by the system (%d)', random => {
    const { broadcast, registration } = tunnelled(connection, '10.0.0.1', random).connection
    expect(registration).toBeGreaterThanOrEqual(20_000)
    expect(broadcast[1]).toBeLessThan(30_000)
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

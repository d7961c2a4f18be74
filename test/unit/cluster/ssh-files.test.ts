import { describe, expect, it } from 'vitest'
import { FilesReader } from '../../../src/cluster/ssh-files.ts'
import { FRAME } from '../../../src/cluster/ssh-script.ts'

const common = {
  interface: 'tcp://127.0.0.1',
  registration: 1001,
  control: 1002,
  mux: 1003,
  task: 1004,
  iopub: 1005,
  key: 'secret',
  pack: 'json',
  unpack: 'json',
  signature_scheme: 'hmac-sha256',
}
const engine = { ...common, hb_ping: 1006, hb_pong: 1007, broadcast: [1008] }
const client = { ...common, task_scheme: 'lru', notification: 1009, broadcast: 1010 }
const framed = `${FRAME.engine}\n${JSON.stringify(engine)}\n${FRAME.client}\n${JSON.stringify(client, undefined, 2)}\n${FRAME.end}\n`

describe('FilesReader', () => {
  it('finds the files in whatever pieces and behind whatever greeting they come, once', () => {
    const reader = new FilesReader('node0')
    const found = [...`Welcome!\n${framed}more`].map(letter => reader.read(letter))
    expect(found.filter(files => files !== undefined)).toMatchObject([{ engine, client }])
  })

  it('says whose files cannot be used', () => {
    const reader = new FilesReader('node0')
    expect(() => reader.read(framed.replaceAll('"tcp:', '"udp:'))).toThrow(
      'what node0 sent is not a usable connection file: interface',
    )
  })
})

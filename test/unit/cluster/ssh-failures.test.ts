import { describe, expect, it } from 'vitest'
import {
  explainForward,
  explainSsh,
  explainSshAmong,
  isPortTaken,
} from '../../../src/cluster/ssh-failures.ts'

describe('explainSsh', () => {
  it.each([
    ['me@node1: Permission denied (publickey).', 'node1 refuses the key'],
    ['Host key verification failed.', 'the key of host node1 is not known here, or is not the one that is'],
    ['ssh: Could not resolve hostname node1: Name or service not known', 'there is no host node1'],
    ['ssh: connect to host node1 port 22: Connection refused', 'no ssh server answers at node1'],
    ['ssh: connect to host node1 port 22: No route to host', 'no ssh server answers at node1'],
    ['Error: remote port forwarding failed for listen port 20001', 'node1 forwards no ports'],
  ])('knows %s', (output, cause) => {
    expect(explainSsh(output, 'node1')?.cause).toBe(cause)
  })

  it('does not guess', () => {
    expect(explainSsh('the dog ate it', 'node1')).toBeUndefined()
  })
})

describe('explainSshAmong', () => {
  it.each([
    ['ssh: connect to host node1 port 22: Connection refused', 'no ssh server answers at node1'],
    ['ssh: Could not resolve hostname node1: Name or service not known', 'there is no host node1'],
    ['me@node1: Permission denied (publickey).', 'node1 refuses the key'],
    ['Host key verification failed.', 'the key of host HOST is not known here, or is not the one that is'],
  ])('finds %j among other lines, with its host', (words, cause) => {
    expect(explainSshAmong(`[mpiexec] starts\n${words}\n[mpiexec] waits`)?.cause).toBe(cause)
  })

  it.each(['Error: EACCES: permission denied', 'sh: 1: ./prog: Permission denied', 'Connection refused'])(
    'takes %j for something else',
    output => {
      expect(explainSshAmong(output)).toBeUndefined()
    },
  )
})

describe('explainForward', () => {
  it('knows a host that forwards nothing, and says nothing before it does', () => {
    const output = 'channel 2: open failed: administratively prohibited: open failed'
    expect(explainForward(output, 'node0')?.cause).toBe('node0 forwards no ports')
    expect(explainForward('', 'node0')).toBeUndefined()
  })
})

describe('isPortTaken', () => {
  it.each([
    [
      'bind [127.0.0.1]:20001: Address already in use\nchannel_setup_fwd_listener_tcpip: cannot listen to port: 20001',
      true,
    ],
    ['Could not request local forwarding.', true],
    ['Error: remote port forwarding failed for listen port 20001', false],
  ])('of %j is %s', (output, isTaken) => {
    expect(isPortTaken(output)).toBe(isTaken)
  })
})

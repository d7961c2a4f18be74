import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { explainSsh, remoteCommand, remoteScript } from '../../../src/cluster/ssh-script.ts'

describe('remoteScript', () => {
  const script = remoteScript({
    node: '/bin/sh',
    args: ['/dev/null', "--it's=1"],
    count: 2,
    cwd: '/no such folder',
    env: { WORDS: "it's $HOME" },
    connection: '{ "key": "secret" }',
  })

  it('keeps what would be text to a shell', () => {
    expect(script).toContain(`export WORDS='it'\\''s $HOME'`)
    expect(script).toContain("'--it'\\''s=1'")
    expect(script).toContain("cd '/no such folder' 2>/dev/null || cd")
  })

  it('is something that /bin/sh understands', () => {
    expect(spawnSync('/bin/sh', ['-n'], { input: script, encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    })
  })

  it('comes by stdin, and none of it by the command', () => {
    expect(remoteCommand(Buffer.byteLength(script))).not.toContain('secret')
  })
})

describe('remoteCommand', () => {
  it('runs so many bytes of its stdin, and leaves the rest to them', () => {
    const script = 'echo "ran"; cat; rm -r "$1"\n'
    const run = spawnSync('/bin/sh', ['-c', remoteCommand(script.length)], {
      input: `${script}the rest`,
      encoding: 'utf8',
    })
    expect(run).toMatchObject({ status: 0, stdout: 'ran\nthe rest', stderr: '' })
  })
})

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

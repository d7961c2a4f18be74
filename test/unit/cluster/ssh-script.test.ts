import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { describe, expect, it } from 'vitest'
import {
  controllerScript,
  enginesScript,
  forwardingScript,
  remoteCommand,
} from '../../../src/cluster/ssh-script.ts'

const program = {
  node: '/bin/sh',
  args: ['/dev/null', "--it's=1"],
  cwd: '/no such folder',
  env: { WORDS: "it's $HOME" },
}

const scripts = {
  engines: enginesScript({
    ...program,
    count: 2,
    profileDir: '/no profile',
    connection: '{ "key": "secret" }',
  }),
  controller: controllerScript({ ...program, clusterId: 'a', configuration: '{"hwm":1}', isLocated: true }),
  forwarding: forwardingScript,
}

describe.each(Object.entries(scripts))('the script of %s', (_, script) => {
  it('is something that /bin/sh understands', () => {
    expect(spawnSync('/bin/sh', ['-n'], { input: script, encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    })
  })
})

describe.each([
  ['enginesScript', scripts.engines],
  ['controllerScript', scripts.controller],
])('%s', (_, script) => {
  it('keeps what would be text to a shell', () => {
    expect(script).toContain(`export WORDS='it'\\''s $HOME'`)
    expect(script).toContain("'--it'\\''s=1'")
    expect(script).toContain("cd '/no such folder' 2>/dev/null || cd")
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

  it('runs nothing of a script that comes by half, and keeps nothing of it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'half-script-'))
    const script = 'echo "ran"; rm -r "$1"\n'
    const run = spawnSync('/bin/sh', ['-c', remoteCommand(script.length + 1)], {
      input: script,
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: folder },
    })
    expect(run).toMatchObject({ status: 1, stdout: '', stderr: '' })
    expect(readdirSync(folder)).toEqual([])
    rmSync(folder, { recursive: true })
  })
})

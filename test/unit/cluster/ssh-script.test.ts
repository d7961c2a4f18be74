import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  controllerScript,
  enginesScript,
  FRAME,
  forwardingScript,
  type RemoteProgram,
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

describe('what runs on a host', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'remote-script-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  /** Runs a script as ssh would, with a program that is itself a script of the shell. */
  function runThere(makeScript: (program: RemoteProgram) => string, source: string) {
    const file = join(folder, 'program.sh')
    writeFileSync(file, source)
    const temporary = join(folder, 'tmp')
    mkdirSync(temporary)
    const script = makeScript({ node: '/bin/sh', args: [file, '--more'], cwd: folder, env: { WORD: 'a b' } })
    const run = spawnSync('/bin/sh', ['-c', remoteCommand(Buffer.byteLength(script))], {
      input: script,
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: temporary, SSH_CONNECTION: '10.0.0.1 40000 10.0.0.2 22' },
    })
    expect(readdirSync(temporary)).toEqual([])
    return { ...run, stdout: run.stdout.replaceAll(/[^\s=]*\/tmp\.\w+/g, 'D') }
  }

  it('is as many engines as were asked for, in the profile that is there', () => {
    const engines = { count: 2, profileDir: folder, connection: '{}' }
    const source = 'echo "$WORD $*"; exit 3'
    const { status, stdout } = runThere(program => enginesScript({ ...program, ...engines }), source)
    expect(status).toBe(3)
    expect(stdout).toBe(`a b --file=D/engine.json --profile-dir=${folder} --more\n`.repeat(2))
  })

  it('makes no profile on a host that has none', () => {
    const engines = { count: 1, profileDir: join(folder, 'none'), connection: '{}' }
    const { stdout } = runThere(program => enginesScript({ ...program, ...engines }), 'echo "$*"')
    expect(stdout).toBe('--file=D/engine.json --profile-dir=D/profile --more\n')
    expect(existsSync(engines.profileDir)).toBe(false)
  })

  it('is a controller whose files come back as soon as they are there, and which ends as it ends', () => {
    const controller = { clusterId: 'a', configuration: '{"hwm":1}', isLocated: true }
    const source = `echo "$*"
d=\${1#--profile-dir=}
mkdir "$d/security"
cp "$d/ipcontroller_config.json" "$d/security/ipcontroller-a-engine.json"
echo '{}' >"$d/security/ipcontroller-a-client.json"
read -r rest <&3
exit 4`
    const { status, stdout, stderr } = runThere(
      program => controllerScript({ ...program, ...controller }),
      source,
    )
    expect(status).toBe(4)
    expect(stderr).toMatch(/^--profile-dir=\S+\/profile --location=10\.0\.0\.2 --more\n$/)
    expect(stdout.split('\n').filter(line => line !== '')).toEqual([
      FRAME.engine,
      '{"hwm":1}',
      FRAME.client,
      '{}',
      FRAME.end,
    ])
  })

  it('leaves nothing when nobody reads what it says any more', async () => {
    const controller = { clusterId: '', configuration: '{}', isLocated: false }
    const file = join(folder, 'program.sh')
    writeFileSync(
      file,
      `d=\${1#--profile-dir=}; mkdir "$d/security"
for role in engine client; do echo '{}' >"$d/security/ipcontroller-$role.json"; done
cat <&3`,
    )
    const temporary = join(folder, 'tmp')
    mkdirSync(temporary)
    const script = controllerScript({ node: '/bin/sh', args: [file], cwd: folder, env: {}, ...controller })
    const shell = spawn('/bin/sh', ['-c', remoteCommand(Buffer.byteLength(script))], {
      env: { ...process.env, TMPDIR: temporary },
    })
    const ended = once(shell, 'exit')
    shell.stdout.destroy()
    await once(shell.stdout, 'close')
    shell.stdin.end(script)
    await ended
    expect(readdirSync(temporary)).toEqual([])
  })

  it('is a controller that ends before there are files', () => {
    const controller = { clusterId: '', configuration: '{}', isLocated: false }
    const { status, stdout, stderr } = runThere(
      program => controllerScript({ ...program, ...controller }),
      'echo "no luck" >&2; exit 5',
    )
    expect([status, stdout, stderr]).toEqual([5, '', 'no luck\n'])
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

import { execFile, spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Client } from '../../src/client/client.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'
import { RealCluster } from './client-support.ts'

const SCRIPT = new URL('../fixtures/engine/kernel_program.py', import.meta.url).pathname
const CONSOLE_MS = 60_000

interface Cell {
  readonly reply: Readonly<Record<string, unknown>>
  readonly shown: readonly (readonly [type: string, content: Readonly<Record<string, unknown>>])[]
}

let runtime: string
let cluster: RealCluster
let rc: Client
let file: string

describeNeeds('an engine bound as a Jupyter kernel', ['jupyter_client', 'jupyter_console'], () => {
  beforeAll(async () => {
    runtime = await mkdtemp(join(tmpdir(), 'jupyter-runtime-'))
    process.env.JUPYTER_RUNTIME_DIR = runtime
    cluster = await RealCluster.start(1)
    rc = await cluster.connect()
    await rc.at(0).push({ shared: 41 })
    file = await rc.at(0).bindKernel()
  })

  afterAll(async () => {
    await rc?.close()
    await cluster?.[Symbol.asyncDispose]()
    delete process.env.JUPYTER_RUNTIME_DIR
    await rm(runtime, { recursive: true, force: true })
  })

  it('writes a connection file that only its user can read, once', async () => {
    expect(file.startsWith(runtime)).toBe(true)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(await rc.at(0).bindKernel()).toBe(file)
    const connection = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    expect(connection.ip).toBe('127.0.0.1')
    expect(connection.key).not.toBe(cluster.controller.clientConnection.key)
  })

  it('answers what a Jupyter client asks', { timeout: 90_000 }, async () => {
    const { stdout } = await promisify(execFile)(DEBIAN_PYTHON, [SCRIPT, file], { timeout: 80_000 })
    const seen = JSON.parse(stdout)
    const cell = (name: string) => seen[name] as Cell
    const types = (name: string) => cell(name).shown.map(([type]) => type)
    const textOf = (name: string) => cell(name).shown.map(([, content]) => content)

    expect(seen.alive).toBe(true)
    expect(seen.info).toMatchObject({ implementation: 'itsparallel', language_info: { name: 'javascript' } })
    expect(cell('value').reply).toMatchObject({ status: 'ok', execution_count: 1 })
    expect(types('value')).toEqual(['status', 'execute_input', 'execute_result', 'status'])
    expect(textOf('value')[2]).toMatchObject({ data: { 'text/plain': '42' } })
    expect(textOf('printed')).toContainEqual({ name: 'stdout', text: 'printed 42\n' })
    expect(textOf('typed')).toContainEqual(expect.objectContaining({ data: { 'text/plain': '5' } }))
    expect(cell('failed').reply).toMatchObject({ status: 'error', ename: 'TypeError' })
    expect(types('failed')).toContain('error')
    expect(textOf('display')).toContainEqual(expect.objectContaining({ data: { 'text/html': '<b>1</b>' } }))
    expect(textOf('rich')).toContainEqual(expect.objectContaining({ data: { 'text/markdown': '*1*' } }))
    expect(cell('expression').reply).toMatchObject({
      user_expressions: { twice: { status: 'ok', data: { 'text/plain': '84' } } },
    })
    expect(seen.complete).toMatchObject({ matches: ['answer'], cursor_start: 6, cursor_end: 9 })
    expect(seen.inspect).toMatchObject({ found: true, data: { 'text/plain': 'answer: number\n42' } })
    expect(seen.is_complete).toEqual({ status: 'incomplete', indent: '  ' })
    expect(seen.history.map(([, , input]: [number, number, string]) => input)).toHaveLength(2)
    expect(seen.comms).toEqual({ status: 'ok', comms: {} })
    expect(seen.interrupt).toEqual({ status: 'ok' })
    expect(seen.interrupted).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' })
    expect(textOf('after')[2]).toMatchObject({ data: { 'text/plain': '42' } })
    expect(await rc.at(0).pull('answer')).toBe(42)
  })

  it('is at home in jupyter console', { timeout: CONSOLE_MS + 10_000 }, async () => {
    const child = spawn('jupyter-console', ['--existing', file, '--simple-prompt'], {
      env: { ...process.env, JUPYTER_CONFIG_DIR: runtime },
      timeout: CONSOLE_MS,
    })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    child.stdin.end('const { cpus } = await import("node:os"); typeof cpus\nshared * 100\n')
    const code = await new Promise(resolve => child.once('close', resolve))
    expect({ code, text }).toEqual({ code: 0, text: expect.stringContaining('4100') })
    expect(text).toContain("'function'")
    expect(rc.ids).toEqual([0])
  })

  it('removes its file when the engine ends', async () => {
    const left = new Promise(resolve => rc.once('engine:unregistered', resolve))
    await rc.shutdown()
    await left
    await new Promise(resolve =>
      cluster.engines[0]!.exitCode !== null ? resolve(0) : cluster.engines[0]!.once('exit', resolve),
    )
    expect(existsSync(file)).toBe(false)
  })
})

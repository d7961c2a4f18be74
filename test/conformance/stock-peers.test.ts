/** Statements of the protocol's checklist that only a stock client and stock engines can show. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Controller, startController } from '../../src/controller/controller.ts'
import { ClusterWorld } from '../support/cluster-world.ts'
import { DEBIAN_PYTHON, describeNeeds } from '../support/needs.ts'

const PROGRAM = fileURLToPath(new URL('../fixtures/conformance/stock_client.py', import.meta.url))
const ENGINE = fileURLToPath(new URL('../../dist/cli/ipengine.js', import.meta.url))
const PROGRAM_MS = 80_000

describeNeeds('a stock client and stock engines at our controller', ['ipyparallel', 'numpy'], () => {
  const world = new ClusterWorld()
  const engines: ChildProcess[] = []
  let controller: Controller
  let seen: Record<string, unknown>

  beforeAll(async () => {
    controller = await startController({ pingMs: 1000 })
    const clientFile = join(world.ipythonDir, 'client.json')
    const engineFile = join(world.ipythonDir, 'engine.json')
    writeFileSync(clientFile, JSON.stringify(controller.clientConnection), { mode: 0o600 })
    writeFileSync(engineFile, JSON.stringify(controller.engineConnection), { mode: 0o600 })
    const engine = (command: string, ...args: string[]): void => {
      engines.push(spawn(command, [...args, `--file=${engineFile}`], { stdio: 'ignore', env: world.env }))
    }
    for (let id = 0; id < 4; id++) engine(DEBIAN_PYTHON, '-m', 'ipyparallel.engine', `--IPEngine.id=${id}`)
    engine(process.execPath, ENGINE, '--id=4')
    const program = world.startPython([PROGRAM, clientFile, engineFile], {}, PROGRAM_MS)
    const { code, stdout, stderr } = await program.finished
    expect(code, stderr).toBe(0)
    seen = JSON.parse(stdout)
  }, PROGRAM_MS + 5_000)

  afterAll(async () => {
    await controller.stop()
    await world.close()
  })

  it('[27] a stock engine registers, beats, and survives for 20 periods', () => {
    expect(seen.survives).toEqual([
      [0, 1, 2, 3, 4, 5],
      ['alive', 'alive', 'alive', 'alive'],
    ])
  })

  it('[28] a stock client connects, lists ids, and sees a new engine without reconnecting', () => {
    expect(seen.comes_and_goes).toEqual([[0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5], 'new'])
  })

  it('[37] the stock client obtains the result of what it resubmits', () => {
    expect(seen.balanced).toEqual([true, 2, [1]])
  })

  it('[39] shutdown(hub=True) of the stock client returns, and the controller ends', async () => {
    expect(seen.shuts_down).toBeNull()
    await controller.stopped
    const isOver = engines.map(async engine => engine.exitCode !== null || (await once(engine, 'exit')))
    expect((await Promise.all(isOver)).every(Boolean)).toBe(true)
  })

  it('[40] push, pull, apply with an error, execute with output and with a result', () => {
    expect(seen.direct).toEqual({
      pull: [5, 5, 5, 5],
      apply: [5, 5, 5, 5],
      error: 'ZeroDivisionError',
      stdout: ['hi\n', 'hi\n', 'hi\n', 'hi\n'],
      result: '42',
      big: 3_000_000,
    })
  })

  it('[43] abort_request stops a queued request, and a task that is still in the scheduler', () => {
    expect(seen.aborts).toEqual(['aborted', 'aborted'])
  })

  it('[45] SIGINT by signal_request ends a sleeping request with KeyboardInterrupt', () => {
    expect(seen.interrupted).toBe('KeyboardInterrupt')
  })

  it('[47] a blocking execute of the stock client on our engine returns', () => {
    expect(seen.javascript_execute).toBe('from JavaScript\n')
  })

  it('[61] a stock broadcast view works in both modes with 1, 2 and 5 engines', () => {
    const expected = (n: number): unknown => [n, 7000 * n, Array(n).fill(n)]
    expect(seen.broadcasts).toEqual({
      '1 False': expected(1),
      '1 True': expected(1),
      '2 False': expected(2),
      '2 True': expected(2),
      '5 False': expected(5),
      '5 True': expected(5),
    })
  })
})

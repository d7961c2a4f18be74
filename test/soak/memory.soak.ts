import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'itsparallel'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Held } from './controller-program.ts'

const MEBI = 2 ** 20
const BATCH = 10_000

let folder: string
let controller: ChildProcess
let engines: ChildProcess[]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'soak-'))
  const program = fileURLToPath(new URL('controller-program.ts', import.meta.url))
  controller = fork(program, { execArgv: ['--expose-gc', '--import', 'tsx'] })
  const [{ clientConnection, engineConnection }] = await once(controller, 'message')
  const engineFile = join(folder, 'ipcontroller-engine.json')
  await writeFile(engineFile, JSON.stringify(engineConnection), { mode: 0o600 })
  await writeFile(clientFile(), JSON.stringify(clientConnection), { mode: 0o600 })
  const engine = fileURLToPath(new URL('../../dist/cli/ipengine.js', import.meta.url))
  engines = [1, 2].map(() =>
    spawn(process.execPath, [engine, `--file=${engineFile}`], { stdio: ['ignore', 'ignore', 'inherit'] }),
  )
})
afterAll(async () => {
  for (const engine of engines) engine.kill()
  controller.disconnect()
  await Promise.all([...engines, controller].map(child => once(child, 'exit')))
  await rm(folder, { recursive: true })
})

function clientFile(): string {
  return join(folder, 'ipcontroller-client.json')
}

async function heldByController(): Promise<Held> {
  controller.send({})
  const [held] = await once(controller, 'message')
  return held
}

function heldByClient(): number {
  gc!()
  gc!()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

it('1,000,000 tasks leave nothing behind, neither in the controller nor in the client', async () => {
  const rc = await Client.connect({ connectionFile: clientFile() })
  await rc.waitForEngines(2, { timeout: 60 })
  const view = rc.loadBalancedView()
  const square = (x: number) => x * x
  let done = 0
  const runTo = async (count: number): Promise<void> => {
    for (; done < count; done += BATCH) {
      const results = Array.from({ length: BATCH }, (_, i) => view.apply(square, i))
      const values = await Promise.all(results)
      expect(values[BATCH - 1]).toBe((BATCH - 1) ** 2)
    }
  }
  await runTo(100_000)
  const early = { controller: await heldByController(), client: heldByClient() }
  await runTo(1_000_000)
  const late = { controller: await heldByController(), client: heldByClient() }
  await rc.close()
  const clientBytesATask = (late.client - early.client) / 900_000
  console.log('memory:', JSON.stringify({ early, late, clientBytesATask }))
  expect(late.controller.rssBytes - early.controller.rssBytes).toBeLessThan(50 * MEBI)
  expect(late.controller.heapBytes - early.controller.heapBytes).toBeLessThan(50 * MEBI)
  expect(clientBytesATask).toBeLessThan(200)
}, 1_800_000)

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PrivateSystem } from '../support/batch/daemons.ts'
import { startFake } from '../support/batch/fakes.ts'
import { ClusterWorld } from '../support/cluster-world.ts'

let world: ClusterWorld
let system: PrivateSystem
beforeEach(async () => {
  world = new ClusterWorld()
  system = await startFake('lsf')
})
afterEach(async () => {
  await world.close()
  await system.close()
})

/** The stages that were gone through, the last one with what it says. */
async function examine(...args: string[]) {
  const { code, stdout, stderr } = await world.run('itsparallel', ['doctor', '--json', ...args], system.env)
  expect(stderr).toBe('')
  const { ok, stages } = JSON.parse(stdout) as {
    ok: boolean
    stages: { stage: string; ok: boolean; detail: string }[]
  }
  expect(code).toBe(ok ? 0 : 1)
  expect(stages.slice(0, -1).every(stage => stage.ok)).toBe(true)
  expect(stages.at(-1)!.ok).toBe(ok)
  expect(world.processes()).toEqual([])
  return { ok, names: stages.map(({ stage }) => stage), detail: stages.at(-1)!.detail }
}

const all = ['configuration', 'command', 'controller', 'submit', 'engine', 'connection', 'task', 'stop']

describe('itsparallel doctor', () => {
  it('goes through all stages of a profile that works', async () => {
    expect(await examine('--engines=lsf', '--batch=queue=normal')).toMatchObject({ ok: true, names: all })
    expect(system.queue()).toEqual([])
    const { code, stdout } = await world.run('itsparallel', ['doctor'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ok {6}configuration .*controller by local, engines by local\n/)
    expect(stdout).toMatch(/\nok {6}task {11}engine 0 has run it\nok {6}stop /)
  }, 60_000)

  it('stops at a configuration that is wrong', async () => {
    await world.run('itsparallel', ['profile', 'create', 'x'])
    const file = join(world.ipythonDir, 'profile_x/ipcluster_config.ts')
    writeFileSync(file, 'export default {\n  engines: "lsf",\n  batch: { quee: "normal" },\n}\n')
    const { names, detail } = await examine('--profile=x')
    expect(names).toEqual(all.slice(0, 1))
    expect(detail).toMatch(/ipcluster_config\.ts:3: batch has no quee; did you mean queue\?/)
  }, 60_000)

  it('stops at a command that is not there', async () => {
    const { names, detail } = await examine('--engines=htcondor')
    expect(names).toEqual(all.slice(0, 2))
    expect(detail).toMatch(/^condor_submit, condor_q, condor_rm: not on this machine/)
  }, 60_000)

  it('stops at a job that is not taken', async () => {
    const { names, detail } = await examine('--engines=lsf', '--batch=queue=nope')
    expect(names).toEqual(all.slice(0, 4))
    expect(detail).toMatch(/No such queue[\s\S]*hint: queue nope cannot be used/)
  }, 60_000)

  it('stops at an engine that dies at once', async () => {
    const { names, detail } = await examine('--engines=lsf', '--batch=prologue=echo no node here; exit 4')
    expect(names).toEqual(all.slice(0, 5))
    expect(detail).toMatch(/ended with exit code 4 before it had registered[\s\S]*no node here/)
  }, 60_000)

  it('stops at an engine that does not reach the controller', async () => {
    const { names, detail } = await examine('--engines=lsf', '--batch=prologue=exec sleep 60', '--timeout=5')
    expect(names).toEqual(all.slice(0, 6))
    expect(detail).toMatch(/0 of 1 engines registered within 5 s[\s\S]*hint: .*does not reach the controller/)
    expect(system.queue()).toEqual([])
  }, 60_000)
})

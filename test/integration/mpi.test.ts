import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Client } from '../../src/client/client.ts'
import { startController } from '../../src/controller/controller.ts'
import { CompositeError } from '../../src/errors.ts'
import { Reference } from '../../src/serialize/callee.ts'
import { type MpiFamily, mpiFamilies } from '../support/mpi.ts'

const run = promisify(execFile)
const fixture = (name: string) => new URL(`../fixtures/mpi/${name}`, import.meta.url).pathname
const ENGINE = new URL('../../dist/cli/ipengine.js', import.meta.url).pathname
const MPI_MODULE = new URL('../../dist/mpi/index.js', import.meta.url).href
const PROGRAM_MS = 60_000

function mpiexec(family: MpiFamily, n: number, args: readonly string[]) {
  const command = [...family.options, '-n', String(n), process.execPath, ...args]
  return run(family.mpiexec, command, { timeout: PROGRAM_MS, killSignal: 'SIGTERM' })
}

const families = mpiFamilies()

describe.skipIf(families.length > 0)('MPI (skipped: neither openmpi-bin nor mpich is installed)', () => {
  it('is not there', () => {})
})

describe.each(families)('MPI by $name', family => {
  it('does all that its calls promise, on four ranks', { timeout: PROGRAM_MS + 10_000 }, async () => {
    const { stdout, stderr } = await mpiexec(family, 4, ['--import', 'tsx', fixture('everything.ts')])
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, library: expect.stringContaining(family.name) })
  })

  it('ends every rank when one throws', { timeout: PROGRAM_MS + 10_000 }, async () => {
    const source = `import { MPI } from '${MPI_MODULE}'
      if (MPI.COMM_WORLD.rank === 1) throw new Error('a wave broke')
      MPI.COMM_WORLD.barrier()`
    const failed = await mpiexec(family, 3, ['--input-type=module', '--eval', source]).then(
      () => undefined,
      (error: { code: number; stderr: string }) => error,
    )
    expect(failed).toMatchObject({
      code: expect.any(Number),
      stderr: expect.stringContaining('a wave broke'),
    })
    expect(failed?.code).not.toBe(0)
  })

  it('lives in engines, whose numbers are their ranks', { timeout: PROGRAM_MS + 10_000 }, async () => {
    await using engines = await MpiEngines.start(family, 4)
    const { rc } = engines
    expect(rc.ids).toEqual([0, 1, 2, 3])
    expect(await rc.directView().execute('const { rank, size } = MPI.COMM_WORLD')).toHaveLength(4)
    expect(await rc.directView().pull(['rank', 'size'])).toEqual([0, 1, 2, 3].map(rank => [rank, 4]))
  })

  it('computes psum from a DirectView', { timeout: PROGRAM_MS + 10_000 }, async () => {
    await using engines = await MpiEngines.start(family, 4)
    const view = engines.rc.directView()
    const whole = Float64Array.from({ length: 1000 }, (_, i) => Math.sin(i))
    await view.scatter('a', whole)
    await view.execute(`function psum(a) {
      const total = new Float64Array(1)
      MPI.COMM_WORLD.Allreduce(Float64Array.of(a.reduce((x, y) => x + y, 0)), total, MPI.SUM)
      return total[0]
    }`)
    const sums = await view.apply(new Reference('() => psum(a)'))
    const serial = whole.reduce((x, y) => x + y, 0)
    for (const sum of sums as number[]) expect(sum).toBeCloseTo(serial, 10)
  })

  it('gives an error, not a hang, when one rank fails, and goes on after it', {
    timeout: PROGRAM_MS + 10_000,
  }, async () => {
    await using engines = await MpiEngines.start(family, 3)
    const view = engines.rc.directView()
    const startMs = performance.now()
    const failed = view.execute(`if (MPI.COMM_WORLD.rank === 1) throw new TypeError('no wave here')
      MPI.COMM_WORLD.allreduce(1)`)
    const error = await failed.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    // The promise of a bound is the point here, not a speed.
    expect(performance.now() - startMs).toBeLessThan(5000)
    expect(error).toBeInstanceOf(CompositeError)
    expect((error as Error).message).toContain('TypeError: no wave here')
    expect((error as Error).message).toContain('rank 1, for which this one waited, failed')
    await view.execute('const others = MPI.COMM_WORLD.bcast(MPI.COMM_WORLD.rank === 0 ? "again" : undefined)')
    expect(await view.pull('others')).toEqual(['again', 'again', 'again'])
  })

  it('can be interrupted while it waits', { timeout: PROGRAM_MS + 10_000 }, async () => {
    await using engines = await MpiEngines.start(family, 2)
    const { rc } = engines
    const waiting = rc.directView().execute('console.log("waits"); MPI.COMM_WORLD.recv()')
    let printed = 0
    await new Promise<void>(resolve =>
      rc.on('stdout', () => {
        printed += 1
        if (printed === 2) resolve()
      }),
    )
    await rc.sendSignal('SIGINT')
    await expect(waiting).rejects.toThrow('KeyboardInterrupt')
    await rc.directView().execute('const sum = MPI.COMM_WORLD.allreduce(1)')
    expect(await rc.directView().pull('sum')).toEqual([2, 2])
  })
})

/** A controller here, and engines that an mpiexec started. */
class MpiEngines implements AsyncDisposable {
  readonly rc: Client
  readonly #close: () => Promise<void>

  private constructor(rc: Client, close: () => Promise<void>) {
    this.rc = rc
    this.#close = close
  }

  static async start(family: MpiFamily, n: number): Promise<MpiEngines> {
    const folder = await mkdtemp(join(tmpdir(), 'mpi-engines-'))
    const controller = await startController({ pingMs: 1000 })
    const file = join(folder, 'ipcontroller-engine.json')
    await writeFile(file, JSON.stringify(controller.engineConnection), { mode: 0o600 })
    const command = [...family.options, '-n', String(n), process.execPath, ENGINE, '--mpi', `--file=${file}`]
    const child = spawn(family.mpiexec, command, { stdio: ['ignore', 'inherit', 'inherit'] })
    const ended = new Promise(resolve => child.once('close', resolve))
    const rc = await Client.connect({ connection: controller.clientConnection })
    await rc.waitForEngines(n, { timeout: 30 })
    return new MpiEngines(rc, async () => {
      await rc.shutdown()
      await ended
      await rc.close()
      await controller.stop()
      await rm(folder, { recursive: true, force: true })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }
}

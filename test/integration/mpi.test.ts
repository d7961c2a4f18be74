import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Client } from '../../src/client/client.ts'
import { startController } from '../../src/controller/controller.ts'
import type { CompositeError, RemoteError } from '../../src/errors.ts'
import type { MPI as MpiType } from '../../src/mpi/index.ts'
import { Reference } from '../../src/serialize/callee.ts'
import { eventually } from '../support/cluster-world.ts'
import { type MpiFamily, mpiFamilies } from '../support/mpi.ts'
import { skipAloudWithout } from '../support/needs.ts'

/** A name in the engines' namespace. */
declare const MPI: typeof MpiType

const run = promisify(execFile)
const fixture = (name: string) => new URL(`../fixtures/mpi/${name}`, import.meta.url).pathname
const ENGINE = new URL('../../dist/cli/ipengine.js', import.meta.url).pathname
const MPI_MODULE = new URL('../../dist/mpi/index.js', import.meta.url).href
const PROGRAM_MS = 60_000

function mpiexec(family: MpiFamily, n: number, args: readonly string[]) {
  const command = [...family.options, '-n', String(n), process.execPath, ...args]
  return run(family.mpiexec, command, { timeout: PROGRAM_MS, killSignal: 'SIGTERM' })
}

/** Ways to call a collective on three engines of which the second fails, and the errors that come of it. */
const FAILING: Record<string, (rc: Client) => Promise<RemoteError[]>> = {
  async execute(rc) {
    return errorsOf(
      rc.directView().execute(`if (MPI.COMM_WORLD.rank === 1) throw new TypeError('no wave here')
        MPI.COMM_WORLD.allreduce(1)`),
    )
  },
  async apply(rc) {
    return errorsOf(rc.directView().apply(failOnOne))
  },
  async 'balanced tasks'(rc) {
    const tasks = Array.from({ length: 3 }, () => rc.loadBalancedView().apply(failOnOne))
    const ends = await Promise.allSettled(tasks)
    return ends.flatMap(end => (end.status === 'rejected' ? [end.reason as RemoteError] : []))
  },
}

function failOnOne(): number {
  if (MPI.COMM_WORLD.rank === 1) throw new TypeError('no wave here')
  return MPI.COMM_WORLD.allreduce(1)
}

function errorsOf(answers: PromiseLike<unknown>): Promise<RemoteError[]> {
  return Promise.resolve(answers).then(
    () => [],
    (error: CompositeError) => error.errors as RemoteError[],
  )
}

const families = mpiFamilies()

skipAloudWithout(families, 'MPI', 'neither openmpi-bin nor mpich is installed')

describe.each(families)('MPI by $name', family => {
  it('does all that its calls promise, on four ranks', { timeout: PROGRAM_MS + 10_000 }, async () => {
    const { stdout, stderr } = await mpiexec(family, 4, ['--import', 'tsx', fixture('everything.ts')])
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, library: expect.stringContaining(family.name) })
  })

  it.each([
    ['rejects and nobody handles it', `Promise.reject(new Error('a wave broke'))`],
    ['exits with a code', 'process.exit(3)'],
  ])(
    'ends every rank when one %s',
    async (_, ending) => {
      const source = `import { MPI } from '${MPI_MODULE}'
      if (MPI.COMM_WORLD.rank === 1) ${ending}
      else MPI.COMM_WORLD.recv(1)`
      const failed = mpiexec(family, 3, ['--input-type=module', '--eval', source])
      await expect(failed).rejects.toMatchObject({ code: expect.any(Number), killed: false })
    },
    PROGRAM_MS + 10_000,
  )

  it(
    'ends every rank that waits when mpiexec is interrupted',
    async () => {
      const source = `import { MPI } from '${MPI_MODULE}'
      console.log('rank ' + MPI.COMM_WORLD.rank + ' runs as ' + process.pid)
      MPI.COMM_WORLD.recv()`
      const args = [...family.options, '-n', '3', process.execPath, '--input-type=module', '--eval', source]
      const child = spawn(family.mpiexec, args, { stdio: ['ignore', 'pipe', 'ignore'] })
      const ended = once(child, 'exit')
      const pids: number[] = []
      for await (const line of createInterface(child.stdout)) {
        const [, pid] = /^rank \d runs as (\d+)$/.exec(line) ?? []
        if (pid === undefined) continue
        pids.push(Number(pid))
        if (pids.length === 3) child.kill('SIGINT')
      }
      expect(pids).toHaveLength(3)
      expect(await ended).not.toEqual([0, null])
      await eventually(() => !pids.some(isAlive))
    },
    PROGRAM_MS,
  )

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

  it.each(Object.entries(FAILING))(
    'gives errors, not a hang, when one rank of %s fails, and goes on after it',
    async (_, fail) => {
      await using engines = await MpiEngines.start(family, 3)
      const { rc } = engines
      const startMs = performance.now()
      const errors = await fail(rc)
      // The promise of a bound is the point here, not a speed.
      expect(performance.now() - startMs).toBeLessThan(5000)
      const waited = expect.stringContaining(
        'rank 1, for which this one waited, failed: TypeError: no wave here',
      )
      expect(errors.sort((a, b) => a.engineId! - b.engineId!)).toMatchObject([
        { engineId: 0, ename: 'MPIError', evalue: waited },
        { engineId: 1, ename: 'TypeError', evalue: 'no wave here' },
        { engineId: 2, ename: 'MPIError', evalue: waited },
      ])
      const view = rc.directView()
      await view.execute(
        'const others = MPI.COMM_WORLD.bcast(MPI.COMM_WORLD.rank === 0 ? "again" : undefined)',
      )
      expect(await view.pull('others')).toEqual(['again', 'again', 'again'])
    },
    PROGRAM_MS + 10_000,
  )

  it(
    'is one and the same for a second copy of the package in an engine',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'second-copy-'))
      await using engines = await MpiEngines.start(family, 2)
      try {
        await cp(new URL('../../dist', import.meta.url), join(folder, 'dist'), { recursive: true })
        await symlink(new URL('../../node_modules', import.meta.url), join(folder, 'node_modules'))
        await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
        const copy = (name: string) => pathToFileURL(join(folder, 'dist', name)).href
        const view = engines.rc.directView()
        await view.execute(`const { MPI: mine, Op } = await import('${copy('mpi/index.js')}')
        const { NDArray } = await import('${copy('base/nd-array.js')}')`)
        // On one rank alone: what all ranks would have to take part in would wait for ever.
        expect(await engines.rc.at(0).apply(new Reference('() => mine.COMM_WORLD === MPI.COMM_WORLD'))).toBe(
          true,
        )
        await view.execute(`const sums = new NDArray(Float64Array.of(1, mine.COMM_WORLD.rank), [1, 2])
        mine.COMM_WORLD.Allreduce(mine.IN_PLACE, sums, mine.SUM)
        const product = MPI.COMM_WORLD.allreduce(mine.COMM_WORLD.rank + 2, Op.create((a, b) => a * b))`)
        expect(await view.apply(new Reference('() => [...sums.data, product]'))).toEqual([
          [2, 1, 6],
          [2, 1, 6],
        ])
      } finally {
        await rm(folder, { recursive: true })
      }
      // The library ended once, and well.
      expect(await engines.stop()).toBe(0)
    },
    PROGRAM_MS + 10_000,
  )

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

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A controller here, and engines that an mpiexec started. */
class MpiEngines implements AsyncDisposable {
  readonly rc: Client
  readonly #close: () => Promise<number | null>
  #stopped: Promise<number | null> | undefined

  private constructor(rc: Client, close: () => Promise<number | null>) {
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
    const ended = new Promise<number | null>(resolve => child.once('close', resolve))
    const rc = await Client.connect({ connection: controller.clientConnection })
    await rc.waitForEngines(n, { timeout: 30 })
    return new MpiEngines(rc, async () => {
      await rc.shutdown()
      const exitCode = await ended
      await rc.close()
      await controller.stop()
      await rm(folder, { recursive: true, force: true })
      return exitCode
    })
  }

  /** Ends the engines. @returns with what code mpiexec ended. */
  stop(): Promise<number | null> {
    this.#stopped ??= this.#close()
    return this.#stopped
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Client } from '../../src/client/client.ts'
import type { CompositeError, RemoteError } from '../../src/errors.ts'
import type { MPI as MpiType } from '../../src/mpi/index.ts'
import { Reference } from '../../src/serialize/callee.ts'
import { eventually } from '../support/cluster-world.ts'
import { type MpiFamily, mpiFamilies } from '../support/mpi.ts'
import { MpiEngines } from '../support/mpi-engines.ts'
import { skipAloudWithout } from '../support/needs.ts'

/** A name in the engines' namespace. */
declare const MPI: typeof MpiType

const run = promisify(execFile)
const fixture = (name: string) => new URL(`../fixtures/mpi/${name}`, import.meta.url).pathname
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
  async 'a call in the background'(rc) {
    return errorsOf(
      rc.directView().execute(`if (MPI.COMM_WORLD.rank === 1) throw new TypeError('no wave here')
        MPI.COMM_WORLD.Iallreduce(Int32Array.of(1), new Int32Array(1)).wait()`),
    )
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

  it.each([
    ['a message of it', 'recv(1)'],
    ['a collective call', 'barrier()'],
    ['a collective call in the background', 'Ibarrier().wait()'],
  ])(
    'gives an error, not a hang, when a rank has come to its end and others wait for %s',
    async (_, call) => {
      const source = `import { MPI } from '${MPI_MODULE}'
      if (MPI.COMM_WORLD.rank === 1) process.exit(0)
      MPI.COMM_WORLD.${call}`
      const failed = mpiexec(family, 3, ['--input-type=module', '--eval', source])
      const stderr = expect.stringContaining(
        'rank 1, for which this one waited, has come to the end of its program',
      )
      await expect(failed).rejects.toMatchObject({ stderr, killed: false })
    },
    PROGRAM_MS,
  )

  it('lets a rank end long before the others, who go on without it', { timeout: PROGRAM_MS }, async () => {
    // The others begin to talk only when they know of its end: an answer from it would have come.
    const source = `import { MPI } from '${MPI_MODULE}'
      const world = MPI.COMM_WORLD
      if (world.rank === 1) process.exit(0)
      try { world.recv(1) } catch {}
      if (world.rank === 0) world.send('goes on', 2)
      else console.log(world.recv())`
    const { stdout, stderr } = await mpiexec(family, 3, ['--input-type=module', '--eval', source])
    expect([stdout, stderr]).toEqual(['goes on\n', ''])
  })

  it('is for the main thread, and says so to others', { timeout: PROGRAM_MS }, async () => {
    const source = `import { once } from 'node:events'
      import { Worker } from 'node:worker_threads'
      import { MPI } from '${MPI_MODULE}'
      const source = "import('${MPI_MODULE}').then(({ MPI }) => MPI.COMM_WORLD.rank)"
      const [error] = await once(new Worker(source, { eval: true }), 'error')
      const texts = MPI.COMM_WORLD.gather(error.message)
      if (texts !== undefined) console.log(JSON.stringify(texts))`
    const { stdout } = await mpiexec(family, 2, ['--input-type=module', '--eval', source])
    const text = expect.stringContaining('MPI runs on the main thread only')
    expect(JSON.parse(stdout)).toEqual([text, text])
  })

  it('gives an error on all ranks when one has not begun the same in the background', async () => {
    const source = `import { MPI } from '${MPI_MODULE}'
      const world = MPI.COMM_WORLD
      if (world.rank !== 0) world.Ibarrier()
      let text = ''
      try { world.barrier() } catch (error) { text = error.message }
      const total = new Int32Array(1)
      world.Iallreduce(Int32Array.of(1), total).wait()
      const texts = world.gather([text, total[0]])
      if (texts !== undefined) console.log(JSON.stringify(texts))`
    const { stdout } = await mpiexec(family, 3, ['--input-type=module', '--eval', source])
    // MPICH may have a word to say of the calls that did not end.
    const text = expect.stringContaining('have not begun the same calls in the background')
    expect(JSON.parse(stdout.split('\n')[0]!)).toEqual([
      [text, 3],
      [text, 3],
      [text, 3],
    ])
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
      await view.execute(`const ones = new Int32Array(1)
        MPI.COMM_WORLD.Iallreduce(Int32Array.of(1), ones).wait()`)
      expect(await view.pull('ones')).toEqual(Array(3).fill(Int32Array.of(3)))
    },
    PROGRAM_MS + 10_000,
  )

  it('waits as long as it takes for a rank that failed before, and goes on', {
    timeout: PROGRAM_MS,
  }, async () => {
    await using engines = await MpiEngines.start(family, 2)
    const view = engines.rc.directView()
    expect(await errorsOf(view.execute(`throw new TypeError('a slip')`))).toHaveLength(2)
    // Longer than the patience with one that failed: 3 seconds of computing.
    await view.execute(`let heard
      if (MPI.COMM_WORLD.rank === 1) {
        const until = performance.now() + 3000
        while (performance.now() < until);
        MPI.COMM_WORLD.send('here', 0)
      } else heard = MPI.COMM_WORLD.recv(1)`)
    expect(await view.pull('heard')).toEqual(['here', undefined])
  })

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
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

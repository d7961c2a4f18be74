/** Ranks of an MPI program that are interrupted: in messages, and in collective calls, which end on all ranks or on none. */

import type { MPI as MpiType } from 'itsparallel/mpi'
import { describe, expect, it } from 'vitest'
import type { Client } from '../../src/client/client.ts'
import type { CompositeError, RemoteError } from '../../src/errors.ts'
import { mpiFamilies } from '../support/mpi.ts'
import { MpiEngines } from '../support/mpi-engines.ts'
import { skipAloudWithout } from '../support/needs.ts'

/** A name in the engines' namespace. */
declare const MPI: typeof MpiType

const TEST_MS = 70_000
const RANKS = 3
/** As often as it takes: broken off at the wrong moment, one in five left a rank inside the library. */
const INTERRUPTS = 20

const families = mpiFamilies()

skipAloudWithout(families, 'interrupts of MPI', 'neither openmpi-bin nor mpich is installed')

/** Resolves when all ranks have printed something. */
function printed(rc: Client): Promise<void> {
  return new Promise(resolve => {
    const heard = new Set<unknown>()
    const onOutput = ({ engineId }: { engineId: unknown }) => {
      heard.add(engineId)
      if (heard.size < RANKS) return
      rc.off('stdout', onOutput)
      resolve()
    }
    rc.on('stdout', onOutput)
  })
}

async function namesOfErrors(answer: PromiseLike<unknown>): Promise<string[]> {
  const error = await Promise.resolve(answer).then(
    () => expect.unreachable('an endless loop has ended'),
    (error: CompositeError) => error,
  )
  const errors = error.errors as RemoteError[]
  return errors.sort((a, b) => a.engineId! - b.engineId!).map(({ ename }) => ename)
}

function reduceForEver(): void {
  console.log('goes')
  const [mine, sum] = [new Float64Array(2000), new Float64Array(2000)]
  for (;;) MPI.COMM_WORLD.Allreduce(mine, sum)
}

describe.each(families)('an interrupt under $name', family => {
  it('ends a wait for a message', { timeout: TEST_MS }, async () => {
    await using engines = await MpiEngines.start(family, RANKS)
    const { rc } = engines
    const waits = printed(rc)
    const waiting = rc.directView().execute('console.log("waits"); MPI.COMM_WORLD.recv()')
    await waits
    await rc.sendSignal('SIGINT')
    await expect(waiting).rejects.toThrow('KeyboardInterrupt')
    await rc.directView().execute('const sum = MPI.COMM_WORLD.allreduce(1)')
    expect(await rc.directView().pull('sum')).toEqual([3, 3, 3])
  })

  it('of all ranks ends a loop of collective calls at any moment', { timeout: TEST_MS }, async () => {
    await using engines = await MpiEngines.start(family, RANKS)
    const { rc } = engines
    for (let i = 0; i < INTERRUPTS; i++) {
      const goes = printed(rc)
      const answer = rc.directView().apply(reduceForEver)
      await goes
      await rc.sendSignal('SIGINT')
      expect(await namesOfErrors(answer)).toEqual(Array(RANKS).fill('KeyboardInterrupt'))
      expect(await rc.directView().apply(() => MPI.COMM_WORLD.allreduce(1))).toEqual(Array(RANKS).fill(RANKS))
    }
  })

  it('ends a collective call that the others do not make', { timeout: TEST_MS }, async () => {
    await using engines = await MpiEngines.start(family, RANKS)
    const { rc } = engines
    const answer = rc.at(0).apply(() => {
      console.log('goes')
      MPI.COMM_WORLD.barrier()
    })
    await new Promise<void>(resolve => rc.on('stdout', () => resolve()))
    await rc.sendSignal('SIGINT')
    await expect(answer).rejects.toThrow('KeyboardInterrupt')
    expect(await rc.directView().apply(() => MPI.COMM_WORLD.allreduce(1))).toEqual(Array(RANKS).fill(RANKS))
  })

  it('of one rank gives the others an error, and all go on', { timeout: TEST_MS }, async () => {
    await using engines = await MpiEngines.start(family, RANKS)
    const { rc } = engines
    const goes = printed(rc)
    const answer = rc.directView().apply(reduceForEver)
    await goes
    await rc.sendSignal('SIGINT', { targets: [1] })
    expect(await namesOfErrors(answer)).toEqual(['MPIError', 'KeyboardInterrupt', 'MPIError'])
    expect(await rc.directView().apply(() => MPI.COMM_WORLD.allreduce(1))).toEqual(Array(RANKS).fill(RANKS))
  })
})

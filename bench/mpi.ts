/**
 * MPI from JavaScript beside the same program in C: `npm run build && node --import tsx bench/mpi.ts`. A round of each in
 * turn, medians; two ranks. Prints one JSON line for each MPI library that is installed.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type MpiFamily, mpiFamilies } from '../test/support/mpi.ts'

interface Figures {
  readonly pingPongUs: number
  readonly allreduceMs: number
}

const ROUNDS = 5
const RANKS = 2
const file = (name: string) => fileURLToPath(new URL(`mpi/${name}`, import.meta.url))

function measure({ mpiexec, options }: MpiFamily, command: readonly string[]): Figures {
  const args = [...options, '-n', String(RANKS), ...command]
  return JSON.parse(execFileSync(mpiexec, args, { encoding: 'utf8', timeout: 120_000 })) as Figures
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}

const folder = mkdtempSync(join(tmpdir(), 'bench-mpi-'))
try {
  for (const family of mpiFamilies()) {
    const program = join(folder, family.compiler)
    execFileSync(family.compiler, ['-O2', '-o', program, file('measure.c')], { timeout: 120_000 })
    const ours: Figures[] = []
    const theirs: Figures[] = []
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push(measure(family, [program]))
      ours.push(measure(family, [process.execPath, file('measure.mjs')]))
    }
    const [pingPong, pingPongC] = [ours, theirs].map(list => median(list.map(({ pingPongUs }) => pingPongUs)))
    const [allreduce, allreduceC] = [ours, theirs].map(list =>
      median(list.map(({ allreduceMs }) => allreduceMs)),
    )
    console.log(
      JSON.stringify({
        library: family.name,
        pingPongUs: pingPong,
        pingPongUsInC: pingPongC,
        pingPongUsMore: pingPong! - pingPongC!,
        allreduceMs: allreduce,
        allreduceMsInC: allreduceC,
        allreduceRatio: allreduce! / allreduceC!,
      }),
    )
  }
} finally {
  rmSync(folder, { recursive: true })
}

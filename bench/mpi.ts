/**
 * MPI from JavaScript beside the same program in C: `npm run build && node --import tsx bench/mpi.ts`. A round of each in
 * turn; two ranks. Prints one JSON line for each MPI library that is installed.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type MpiFamily, mpiFamilies } from '../test/support/mpi.ts'

/** Of many short batches; the least is what a busy machine disturbs least. */
interface Summary {
  readonly least: number
  readonly median: number
}

interface Figures {
  readonly pingPongUs: Summary
  readonly allreduceMs: Summary
}

const ROUNDS = 5
const RANKS = 2
const file = (name: string) => fileURLToPath(new URL(`mpi/${name}`, import.meta.url))

function measure({ mpiexec, options }: MpiFamily, command: readonly string[]): Figures {
  const args = [...options, '-n', String(RANKS), ...command]
  return JSON.parse(execFileSync(mpiexec, args, { encoding: 'utf8', timeout: 120_000 })) as Figures
}

/** Of all rounds: the least of all, and the median of medians. */
function overall(list: readonly Summary[]): Summary {
  const medians = list.map(({ median }) => median).sort((a, b) => a - b)
  return {
    least: Math.min(...list.map(({ least }) => least)),
    median: medians[Math.floor(medians.length / 2)]!,
  }
}

function difference([ours, theirs]: readonly Summary[]): Summary {
  return { median: ours!.median - theirs!.median, least: ours!.least - theirs!.least }
}

function ratio([ours, theirs]: readonly Summary[]): Summary {
  return { median: ours!.median / theirs!.median, least: ours!.least / theirs!.least }
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
    const pingPong = [ours, theirs].map(list => overall(list.map(({ pingPongUs }) => pingPongUs)))
    const allreduce = [ours, theirs].map(list => overall(list.map(({ allreduceMs }) => allreduceMs)))
    console.log(
      JSON.stringify({
        library: family.name,
        pingPongUs: pingPong[0],
        pingPongUsInC: pingPong[1],
        pingPongUsMore: difference(pingPong),
        allreduceMs: allreduce[0],
        allreduceMsInC: allreduce[1],
        allreduceRatio: ratio(allreduce),
      }),
    )
  }
} finally {
  rmSync(folder, { recursive: true })
}

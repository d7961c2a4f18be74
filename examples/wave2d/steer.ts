/**
 * A wave equation over MPI engines, steered from here: each engine has a part of a pond and exchanges its edges with its
 * neighbours, step by step. Between blocks of steps this program gathers the whole pond, looks at it, and decides how the
 * paddle at the left shore is to go on. In the end a solver without engines does the same, and gets the same.
 *
 *   npm run wave2d -- [--n=ENGINES] [--rows=POINTS] [--blocks=BLOCKS] [--output=FILE.png]
 */
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Cluster, NDArray } from 'itsparallel'
import { drawSheet } from './picture.ts'
import { isWall, type Paddle, type Place, type Pond, Water } from './pond.ts'
import { Solver } from './solver.ts'

/** Names in the engines' namespace. */
declare const pond: Pond
declare const paddle: Paddle
declare const solver: Solver

const { values: options } = parseArgs({
  options: {
    n: { type: 'string', default: '4' },
    rows: { type: 'string', default: '300' },
    blocks: { type: 'string', default: '6' },
    output: { type: 'string', default: path.join(import.meta.dirname, 'out', 'waves.png') },
  },
})
const rows = Number(options.rows)
const whole: Pond = { rows, columns: Math.round(rows * 1.6), speed: 0.6 }
const stepsOfBlock = Math.round(whole.columns / whole.speed / 3)

/** The parts of the engines as one pond. */
function join(parts: readonly { place: Place; heights: NDArray<Float64Array> }[]): NDArray<Float64Array> {
  const joined = new NDArray(new Float64Array(whole.rows * whole.columns), [whole.rows, whole.columns])
  for (const { place, heights } of parts)
    for (let row = 0; row < place.rows; row++) {
      const line = heights.data.subarray(row * place.columns, (row + 1) * place.columns)
      joined.data.set(line, (place.top + row) * whole.columns + place.left)
    }
  return joined
}

/** The highest wave in the columns from `first` on. */
function highest({ data, shape }: NDArray<Float64Array>, first = 0): number {
  return data.reduce((top, height, i) => (i % shape[1]! < first ? top : Math.max(top, Math.abs(height))), 0)
}

await using cluster = await Cluster.start({ engines: 'mpi', n: Number(options.n) })
const rc = await cluster.connect()
const view = rc.directView()

const blocks: { paddle: Paddle; heights: NDArray<Float64Array> }[] = []
let current: Paddle = { height: 0.8, period: rows / 9 }
await view.push({ pond: whole, paddle: current })
const places = await view.apply(() => {
  Object.assign(globalThis, { solver: new Solver(pond) })
  return solver.place
})
for (const [rank, place] of places.entries())
  console.log(`engine ${rank}: ${place.rows} × ${place.columns} points from (${place.top}, ${place.left})`)

for (let block = 1; block <= Number(options.blocks); block++) {
  const startMs = performance.now()
  await view.apply(steps => solver.advance(steps, paddle), stepsOfBlock)
  const heights = join(await view.apply(() => ({ place: solver.place, heights: solver.heights() })))
  const seconds = (performance.now() - startMs) / 1000
  blocks.push({ paddle: current, heights })
  const behind = highest(heights, Math.round(whole.columns * 0.8))
  console.log(
    `step ${block * stepsOfBlock}: waves up to ${highest(heights).toFixed(2)}, near the far shore ${behind.toFixed(2)} (${seconds.toFixed(2)} s)`,
  )
  // Steering: once the waves have crossed the pond, shorter ones follow.
  if (behind > 0.05 && current.period === rows / 9) {
    current = { height: 0.8, period: rows / 15 }
    await view.push({ paddle: current })
    console.log('  they have come across: shorter ones now')
  }
}

const water = new Water(whole)
const differences = blocks.map(block => {
  for (let step = 0; step < stepsOfBlock; step++) water.step(block.paddle)
  const serial = water.inner().data
  return block.heights.data.reduce((most, height, i) => Math.max(most, Math.abs(height - serial[i]!)), 0)
})
console.log(`largest difference from the serial solver: ${Math.max(...differences)}`)

await mkdir(path.dirname(options.output), { recursive: true })
const views = blocks.map(({ heights }) => ({
  heights,
  isWall: (row: number, column: number) => isWall(whole, row, column),
}))
await writeFile(options.output, drawSheet(views, 2))
console.log(`picture: ${options.output}`)

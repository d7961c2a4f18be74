/** `npm run simulate -- --seed=7 [--count=100] [--until-failure] [--trace]`: runs one seed, or many, and tells what happened. */

import process from 'node:process'
import { parseArgs } from 'node:util'
import { simulate } from '../../src/testing/simulate.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    'until-failure': { type: 'boolean', default: false },
  },
})

const first = Number(values.seed)
const startedMs = performance.now()
const sum = { requests: 0, runs: 0, deaths: 0 }
let failures = 0
for (let seed = first; seed < first + Number(values.count); seed++) {
  try {
    const result = await simulate(seed, values.trace)
    if (values.trace) console.log(result.journal.join('\n'))
    sum.requests += result.requests
    sum.runs += result.runs
    sum.deaths += result.deaths
  } catch (error) {
    failures += 1
    if (values.trace) console.log((error as { journal?: string[] }).journal?.join('\n'))
    console.log((error as Error).message)
    if (values['until-failure']) break
  }
}
const spanMs = performance.now() - startedMs
console.log(
  `${values.count} seeds in ${spanMs.toFixed(0)} ms: ${sum.requests} requests, run ${sum.runs} times, ${sum.deaths} deaths with a task in hand; ${failures} failed`,
)
process.exitCode = failures === 0 ? 0 : 1

#!/usr/bin/env node
// A simulator as they are found in the wild: a program of its own that knows nothing of itsparallel. It takes its
// parameters on the command line, writes its result to a file, and ends with exit code 2 when they make no sense.
//
//   simulate-sir.mjs --beta=1.66 --gamma=0.44 --population=763 --infected=1 --days=14 --output=epidemic.csv
//
// The model is the SIR epidemic of Kermack and McKendrick (1927): of N people, S can still fall ill, I are ill and
// infectious, R are over it;  S' = -beta S I / N,  I' = beta S I / N - gamma I,  R' = gamma I  (rates a day).
// Integrated with the classic fourth-order Runge-Kutta method; the CSV has a row for each day, from day 0.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const STEPS_A_DAY = 100
const number = { type: 'string' }

function refuse(message) {
  console.error(`simulate-sir: ${message}`)
  process.exit(2)
}

function readParameters() {
  const options = {
    beta: number,
    gamma: number,
    population: number,
    infected: number,
    days: number,
    output: number,
  }
  let given
  try {
    given = parseArgs({ options }).values
  } catch (error) {
    refuse(error.message)
  }
  for (const name of Object.keys(options)) if (!given[name]) refuse(`--${name} is missing`)
  const { output, ...numbers } = given
  const parameters = Object.fromEntries(Object.entries(numbers).map(([name, text]) => [name, Number(text)]))
  return { ...parameters, output }
}

function check({ beta, gamma, population, infected, days }) {
  for (const [name, value] of Object.entries({ beta, gamma, population, infected, days })) {
    if (!Number.isFinite(value)) refuse(`--${name} must be a number`)
  }
  if (beta <= 0) refuse('--beta must be above 0: without contacts there is no epidemic to simulate')
  if (gamma <= 0) refuse('--gamma must be above 0: nobody would ever recover')
  if (infected <= 0 || infected > population) refuse('--infected must lie above 0 and within --population')
  if (!Number.isInteger(days) || days < 1) refuse('--days must be a whole number from 1')
}

/** The state [S, I, R] at the end of each day, day 0 first. */
function simulate({ beta, gamma, population, infected, days }) {
  const slope = ([s, i]) => {
    const infections = (beta * s * i) / population
    return [-infections, infections - gamma * i, gamma * i]
  }
  const ahead = (state, slopes, time) => state.map((value, k) => value + time * slopes[k])
  const h = 1 / STEPS_A_DAY
  const step = state => {
    const k1 = slope(state)
    const k2 = slope(ahead(state, k1, h / 2))
    const k3 = slope(ahead(state, k2, h / 2))
    const k4 = slope(ahead(state, k3, h))
    return state.map((value, k) => value + (h / 6) * (k1[k] + 2 * k2[k] + 2 * k3[k] + k4[k]))
  }
  const ends = [[population - infected, infected, 0]]
  for (let day = 1; day <= days; day++) {
    let state = ends.at(-1)
    for (let n = 0; n < STEPS_A_DAY; n++) state = step(state)
    ends.push(state)
  }
  return ends
}

const parameters = readParameters()
check(parameters)
const rows = simulate(parameters).map((state, day) => [day, ...state].join(','))
try {
  writeFileSync(parameters.output, `${['day,susceptible,infected,recovered', ...rows].join('\n')}\n`)
} catch (error) {
  console.error(`simulate-sir: cannot write the output: ${error.message}`)
  process.exit(1)
}

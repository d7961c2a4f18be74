/** Infection and recovery rate of the SIR model, both a day. */
export interface Pair {
  beta: number
  gamma: number
}

/** What one run of the simulator gave. */
export interface Trial extends Pair {
  /** The simulated number of boys in bed on each day, day 0 first. */
  curve: number[]
  /** The sum of the squares of what the curve is off by on the observed days. */
  misfit: number
}

/** A pair that was tried, and what came of it. */
export interface Outcome {
  pair: Pair
  outcome: Trial | Error
}

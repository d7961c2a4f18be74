/**
 * Waves on a pond: the two-dimensional wave equation u_tt = c² (u_xx + u_yy) - d u_t, by central differences, on the
 * whole of a grid or on a part of it. Both solvers, the serial one and that of the engines, are made of this.
 */
import { NDArray } from 'itsparallel'

/** Everything that is measured in points and steps: one point, and one step, is the unit. */
export interface Pond {
  readonly rows: number
  readonly columns: number
  /** How far a wave goes in a step; stable up to √½. */
  readonly speed: number
}

/** The left shore, which moves up and down. */
export interface Paddle {
  readonly height: number
  readonly period: number
}

/** A rectangle of the pond. */
export interface Place {
  readonly top: number
  readonly left: number
  readonly rows: number
  readonly columns: number
}

/** Columns that a point lies left of the breakwater, a wall from shore to shore; undefined in line with its two gaps. */
function leftOfWall({ rows, columns }: Pond, row: number, column: number): number | undefined {
  const fromMiddle = Math.abs(row - (rows - 1) / 2)
  if (Math.abs(fromMiddle - rows / 9) < rows / 40) return undefined
  return columns * 0.3 - column
}

/** Whether a point belongs to the breakwater. */
export function isWall(pond: Pond, row: number, column: number): boolean {
  const distance = leftOfWall(pond, row, column)
  return distance !== undefined && Math.abs(distance) < pond.columns / 160
}

/** How strongly beaches stop the water: those of all shores but the paddle's, and that before the breakwater. */
function damping(pond: Pond, row: number, column: number): number {
  const beach = pond.rows / 8
  const toWall = leftOfWall(pond, row, column) ?? -1
  const shores = [row, pond.rows - 1 - row, pond.columns - 1 - column, toWall < 0 ? beach : toWall]
  const shore = Math.min(beach, ...shores)
  return 0.12 * (1 - shore / beach) ** 2
}

/** The water in one place, and a margin of one point around it for what its neighbours have. */
export class Water {
  readonly place: Place
  /** From one row to the next. */
  readonly stride: number
  /** Heights, with the margin. */
  heights: Float64Array
  #before: Float64Array
  #phase = 0
  readonly #pull: number
  readonly #damping: Float64Array
  readonly #isWater: Uint8Array

  constructor(pond: Pond, place: Place = { top: 0, left: 0, rows: pond.rows, columns: pond.columns }) {
    this.place = place
    this.stride = place.columns + 2
    const points = (place.rows + 2) * this.stride
    this.heights = new Float64Array(points)
    this.#before = new Float64Array(points)
    this.#pull = pond.speed ** 2
    this.#damping = new Float64Array(points)
    this.#isWater = new Uint8Array(points)
    for (let row = 0; row < place.rows; row++)
      for (let column = 0; column < place.columns; column++) {
        const at = (row + 1) * this.stride + column + 1
        this.#damping[at] = damping(pond, place.top + row, place.left + column)
        this.#isWater[at] = isWall(pond, place.top + row, place.left + column) ? 0 : 1
      }
  }

  /** One step, from the heights now and before. The margin must be up to date. */
  step({ height, period }: Paddle): void {
    const { place, stride, heights: now } = this
    if (place.left === 0) {
      const level = height * Math.sin(this.#phase)
      this.#phase += (2 * Math.PI) / period
      for (let row = 1; row <= place.rows; row++) now[row * stride] = level
    }
    const next = this.#before
    for (let row = 1; row <= place.rows; row++)
      for (let at = row * stride + 1; at <= row * stride + place.columns; at++) {
        const around = now[at - 1]! + now[at + 1]! + now[at - stride]! + now[at + stride]!
        const drag = this.#damping[at]!
        const free = 2 * now[at]! - (1 - drag) * next[at]! + this.#pull * (around - 4 * now[at]!)
        next[at] = (this.#isWater[at]! * free) / (1 + drag)
      }
    this.#before = now
    this.heights = next
  }

  /** The heights without the margin. */
  inner(): NDArray<Float64Array> {
    const { rows, columns } = this.place
    const inner = new Float64Array(rows * columns)
    for (let row = 0; row < rows; row++) {
      const start = (row + 1) * this.stride + 1
      inner.set(this.heights.subarray(start, start + columns), row * columns)
    }
    return new NDArray(inner, [rows, columns])
  }
}

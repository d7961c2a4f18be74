/** What an engine does: the waves on its part of the pond, in step with the engines of the parts around it. */
import { type CartComm, MPI, type Neighbours } from 'itsparallel/mpi'
import { type Paddle, type Place, type Pond, Water } from './pond.ts'

/** One of `parts` pieces, as equal as can be, of a length. */
function piece(length: number, parts: number, index: number): { first: number; length: number } {
  const first = Math.floor((length * index) / parts)
  return { first, length: Math.floor((length * (index + 1)) / parts) - first }
}

export class Solver {
  readonly #grid: CartComm
  readonly #water: Water
  readonly #vertical: Neighbours
  readonly #horizontal: Neighbours
  /** Columns do not lie in one piece: they are copied, to be sent and when they have come. Zero beyond a shore. */
  readonly #outgoing: Float64Array
  readonly #fromLeft: Float64Array
  readonly #fromRight: Float64Array

  constructor(pond: Pond) {
    const dims = MPI.dims(MPI.COMM_WORLD.size, [0, 0])
    this.#grid = MPI.COMM_WORLD.cart(dims)!
    const [down, across] = this.#grid.coordinatesOf()
    const rows = piece(pond.rows, dims[0]!, down!)
    const columns = piece(pond.columns, dims[1]!, across!)
    const place = { top: rows.first, left: columns.first, rows: rows.length, columns: columns.length }
    this.#water = new Water(pond, place)
    // `source` is the one above or to the left, `destination` the one below or to the right.
    this.#vertical = this.#grid.shift(0)
    this.#horizontal = this.#grid.shift(1)
    this.#outgoing = new Float64Array(place.rows)
    this.#fromLeft = new Float64Array(place.rows)
    this.#fromRight = new Float64Array(place.rows)
  }

  get place(): Place {
    return this.#water.place
  }

  advance(steps: number, paddle: Paddle): void {
    for (let step = 0; step < steps; step++) {
      this.#exchange()
      this.#water.step(paddle)
    }
  }

  /** This part as it is now. */
  heights() {
    return this.#water.inner()
  }

  /** Gives the edges to the neighbours, and takes theirs into the margin. */
  #exchange(): void {
    const { rows, columns } = this.place
    const { source: above, destination: below } = this.#vertical
    this.#grid.Sendrecv(this.#row(rows), below, this.#row(0), above)
    this.#grid.Sendrecv(this.#row(1), above, this.#row(rows + 1), below)
    const { source: left, destination: right } = this.#horizontal
    this.#grid.Sendrecv(this.#column(columns), right, this.#fromLeft, left)
    this.#setColumn(0, this.#fromLeft)
    this.#grid.Sendrecv(this.#column(1), left, this.#fromRight, right)
    this.#setColumn(columns + 1, this.#fromRight)
  }

  /** A row where it lies: no copy. */
  #row(row: number): Float64Array {
    const { heights, stride } = this.#water
    return heights.subarray(row * stride + 1, (row + 1) * stride - 1)
  }

  #column(column: number): Float64Array {
    const { heights, stride } = this.#water
    for (let row = 0; row < this.#outgoing.length; row++)
      this.#outgoing[row] = heights[(row + 1) * stride + column]!
    return this.#outgoing
  }

  #setColumn(column: number, values: Float64Array): void {
    const { heights, stride } = this.#water
    for (let row = 0; row < values.length; row++) heights[(row + 1) * stride + column] = values[row]!
  }
}

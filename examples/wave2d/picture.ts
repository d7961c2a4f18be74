/** Pictures of water: pond after pond on one sheet, as PNG. */
import { crc32, deflateSync } from 'node:zlib'
import type { NDArray } from 'itsparallel'

type Colour = readonly [red: number, green: number, blue: number]

const PAPER: Colour = [250, 250, 247]
const STONE: Colour = [92, 84, 76]
/** From trough to crest. */
const WATER: readonly Colour[] = [
  [6, 24, 58],
  [14, 66, 112],
  [38, 122, 160],
  [128, 198, 210],
  [246, 252, 250],
]
/** Waves much higher than this are drawn nearly white. */
const CREST = 0.5
/** How much brighter a slope is that faces the light, from above and left. */
const RELIEF = 0.5
const GAP = 14

/** What one picture shows. */
export interface View {
  readonly heights: NDArray<Float64Array>
  readonly isWall: (row: number, column: number) => boolean
}

/** The views in rows of so many, as the bytes of a PNG file. */
export function drawSheet(views: readonly View[], across: number): Buffer {
  const [rows, columns] = views[0]!.heights.shape as [number, number]
  const width = across * (columns + GAP) + GAP
  const height = Math.ceil(views.length / across) * (rows + GAP) + GAP
  const pixels = Buffer.alloc(width * height * 3)
  for (let at = 0; at < pixels.length; at += 3) pixels.set(PAPER, at)
  for (const [index, view] of views.entries()) {
    const top = GAP + Math.floor(index / across) * (rows + GAP)
    const left = GAP + (index % across) * (columns + GAP)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        pixels.set(colourAt(view, row, column), ((top + row) * width + left + column) * 3)
  }
  return png(width, height, pixels)
}

function colourAt({ heights, isWall }: View, row: number, column: number): Colour {
  if (isWall(row, column)) return STONE
  const [rows, columns] = heights.shape as [number, number]
  const height = heights.at(row, column) as number
  const above = heights.at(Math.max(row - 1, 0), Math.max(column - 1, 0)) as number
  const below = heights.at(Math.min(row + 1, rows - 1), Math.min(column + 1, columns - 1)) as number
  const light = 1 + RELIEF * Math.tanh((2 * (below - above)) / CREST)
  return shade((Math.tanh(height / CREST) + 1) / 2).map(part =>
    Math.min(255, Math.max(0, part * light)),
  ) as never
}

/** The colour between trough (0) and crest (1). */
function shade(level: number): Colour {
  const position = Math.min(Math.max(level, 0), 1) * (WATER.length - 1)
  const below = Math.min(Math.floor(position), WATER.length - 2)
  const [from, to] = [WATER[below]!, WATER[below + 1]!]
  return from.map((part, i) => part + (to[i]! - part) * (position - below)) as never
}

/** RGB pixels as a PNG file. Source: Portable Network Graphics, ISO/IEC 15948:2003. */
function png(width: number, height: number, pixels: Buffer): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  // Eight bits a channel, red, green and blue.
  header.set([8, 2, 0, 0, 0], 8)
  // Each line begins with its filter: none.
  const lines = Buffer.alloc(height * (1 + width * 3))
  for (let row = 0; row < height; row++)
    pixels.copy(lines, row * (1 + width * 3) + 1, row * width * 3, (row + 1) * width * 3)
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(lines)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

import type { Outcome, Pair, Trial } from './trial.ts'

const WIDTH = 1040
const HEIGHT = 484
const INK = '#22303c'
const FAINT = '#d9dee3'
const CURVE = '#c8452c'
const DATA = '#1d5b8f'
/** From good (dark) to bad (pale): a single hue in even steps of lightness, readable in print and to everyone. */
const SHADES = ['#08306b', '#1b5a9c', '#3f87c0', '#72b0d8', '#a9cfe5', '#d3e4f1', '#eff5fb']

/** A rectangle of the picture and the numbers that its edges stand for. */
interface Panel {
  left: number
  top: number
  width: number
  height: number
  x: [first: number, last: number]
  y: [first: number, last: number]
}

const epidemicPanel: Panel = { left: 70, top: 70, width: 520, height: 330, x: [0, 14], y: [0, 320] }
const gridPanel = { left: 690, top: 70, width: 310, height: 330 }

const round = (value: number): number => Math.round(value * 100) / 100
const xIn = ({ left, width, x: [first, last] }: Panel, x: number): number =>
  round(left + (width * (x - first)) / (last - first))
const yIn = ({ top, height, y: [first, last] }: Panel, y: number): number =>
  round(top + height - (height * (y - first)) / (last - first))

function text(x: number, y: number, words: string, attributes = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${words}</text>`
}

/** Axes with ticks, what they measure and in what. */
function axes(panel: Panel, titles: { x: string; y: string }, ticks: { x: number[]; y: number[] }): string[] {
  const { left, top, width, height } = panel
  const bottom = top + height
  return [
    ...ticks.x.flatMap(value => {
      const x = xIn(panel, value)
      return [
        `<path d="M${x} ${bottom}v6" stroke="${INK}"/>`,
        text(x, bottom + 22, String(value), 'text-anchor="middle"'),
      ]
    }),
    ...ticks.y.flatMap(value => {
      const y = yIn(panel, value)
      return [
        `<path d="M${left} ${y}h-6" stroke="${INK}"/>`,
        text(left - 11, y + 4.5, String(value), 'text-anchor="end"'),
      ]
    }),
    `<path d="M${left} ${top}V${bottom}H${left + width}" fill="none" stroke="${INK}"/>`,
    text(left + width / 2, bottom + 46, titles.x, 'text-anchor="middle"'),
    `<g transform="translate(${left - 46} ${top + height / 2}) rotate(-90)">${text(0, 0, titles.y, 'text-anchor="middle"')}</g>`,
  ]
}

/** The observed boys as points, the best simulation as a curve. */
function epidemic(inBed: readonly number[], best: Trial): string[] {
  const panel = epidemicPanel
  const ticks = { x: [0, 2, 4, 6, 8, 10, 12, 14], y: [0, 50, 100, 150, 200, 250, 300] }
  const points = best.curve.map((boys, day) => ({ x: xIn(panel, day), y: yIn(panel, boys) }))
  const legendX = panel.left + panel.width - 172
  return [
    text(panel.left, 30, 'Influenza in a boarding school of 763', 'class="title"'),
    ...ticks.y
      .slice(1)
      .map(y => `<path d="M${panel.left} ${yIn(panel, y)}h${panel.width}" stroke="${FAINT}"/>`),
    ...axes(panel, { x: 'time (days)', y: 'boys in bed' }, ticks),
    `<path d="${smooth(points)}" fill="none" stroke="${CURVE}" stroke-width="2.5"/>`,
    ...inBed.map(
      (boys, i) =>
        `<circle cx="${xIn(panel, i + 1)}" cy="${yIn(panel, boys)}" r="5" fill="${DATA}" stroke="#fff" stroke-width="1.5"/>`,
    ),
    `<rect x="${legendX - 20}" y="78" width="193" height="112" fill="#fff"/>`,
    `<circle cx="${legendX}" cy="92" r="5" fill="${DATA}"/>`,
    text(legendX + 18, 96.5, 'observed'),
    `<path d="M${legendX - 12} 116h24" stroke="${CURVE}" stroke-width="2.5"/>`,
    text(legendX + 18, 120.5, 'best simulation'),
    text(legendX + 18, 142, `β = ${best.beta.toFixed(3)} a day`, 'class="detail"'),
    text(legendX + 18, 160, `γ = ${best.gamma.toFixed(3)} a day`, 'class="detail"'),
    text(legendX + 18, 178, `R₀ = ${(best.beta / best.gamma).toFixed(2)}`, 'class="detail"'),
  ]
}

/** A smooth path through the days (Catmull-Rom segments as Bézier curves). */
function smooth(points: readonly { x: number; y: number }[]): string {
  const at = (i: number) => points[Math.min(Math.max(i, 0), points.length - 1)]!
  const bends = points.slice(1).map((to, i) => {
    const from = at(i)
    const [before, after] = [at(i - 1), at(i + 2)]
    const c1 = `${round(from.x + (to.x - before.x) / 6)} ${round(from.y + (to.y - before.y) / 6)}`
    const c2 = `${round(to.x - (after.x - from.x) / 6)} ${round(to.y - (after.y - from.y) / 6)}`
    return `C${c1} ${c2} ${to.x} ${to.y}`
  })
  return `M${at(0).x} ${at(0).y}${bends.join('')}`
}

/** Every pair of the first grid, shaded by how well it explains the data; a cross where the simulator refused it. */
function grid(coarse: readonly Outcome[], best: Trial, days: number): string[] {
  const last = (rate: keyof Pair) => Math.max(...coarse.map(({ pair }) => pair[rate]))
  const side = Math.sqrt(coarse.length)
  const [halfBeta, halfGamma] = [last('beta') / (side - 1) / 2, last('gamma') / (side - 1) / 2]
  const panel: Panel = {
    ...gridPanel,
    x: [-halfBeta, last('beta') + halfBeta],
    y: [-halfGamma, last('gamma') + halfGamma],
  }
  const [cellWidth, cellHeight] = [panel.width / side, panel.height / side]
  const crosses = coarse.map(({ pair, outcome }) => {
    const [x, y] = [xIn(panel, pair.beta), yIn(panel, pair.gamma)]
    return outcome instanceof Error ? `<path d="M${x - 3} ${y - 3}l6 6m0-6l-6 6" stroke="#9aa5af"/>` : ''
  })
  const cells = coarse.map(({ pair, outcome }) => {
    if (outcome instanceof Error) return ''
    const [x, y] = [xIn(panel, pair.beta), yIn(panel, pair.gamma)]
    const fill = shade(Math.sqrt(outcome.misfit / days))
    return `<rect x="${round(x - cellWidth / 2)}" y="${round(y - cellHeight / 2)}" width="${round(cellWidth)}" height="${round(cellHeight)}" fill="${fill}"/>`
  })
  const [bestX, bestY] = [xIn(panel, best.beta), yIn(panel, best.gamma)]
  return [
    text(panel.left, 30, 'How far each pair is off', 'class="title"'),
    `<g shape-rendering="crispEdges">${cells.join('')}</g>`,
    ...crosses,
    ...axes(
      panel,
      { x: 'infection rate β (1/day)', y: 'recovery rate γ (1/day)' },
      { x: [0, 1, 2, 3], y: [0, 0.2, 0.4, 0.6, 0.8, 1] },
    ),
    `<circle cx="${bestX}" cy="${bestY}" r="8" fill="none" stroke="${CURVE}" stroke-width="2.5"/>`,
    ...key(panel),
    text(
      panel.left + panel.width / 2,
      HEIGHT - 14,
      '○ best pair, × refused by the simulator',
      'text-anchor="middle" class="small"',
    ),
  ]
}

const SHADE_BOYS = [20, 40, 60, 80, 100, 150]
const shade = (boys: number): string => SHADES[SHADE_BOYS.filter(limit => boys >= limit).length]!

/** What the shades of the grid mean. */
function key({ left, width, top }: Panel): string[] {
  const swatch = 24
  const start = left + width - SHADES.length * swatch
  return [
    ...SHADES.map(
      (fill, i) =>
        `<rect x="${start + i * swatch}" y="${top - 16}" width="${swatch}" height="7" fill="${fill}"/>`,
    ),
    ...SHADE_BOYS.map((boys, i) =>
      text(start + (i + 1) * swatch, top - 20, String(boys), 'text-anchor="middle" class="small"'),
    ),
    text(start - 8, top - 9, 'boys a day', 'text-anchor="end" class="small"'),
  ]
}

/** The study as a picture: the data with the best curve, and the first grid with the best pair. */
export function drawStudy(study: {
  inBed: readonly number[]
  best: Trial
  coarse: readonly Outcome[]
}): string {
  const { inBed, best, coarse } = study
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}">`,
    `<style>text{font:14px system-ui,"DejaVu Sans",sans-serif;fill:${INK}}.title{font-size:17px;font-weight:600}.detail{fill:#5b6b78}.small{font-size:11px;fill:#5b6b78}</style>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...epidemic(inBed, best),
    ...grid(coarse, best, inBed.length),
    '</svg>\n',
  ].join('\n')
}

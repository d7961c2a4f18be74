import Table from 'cli-table3'
import type { Figure } from './harness.ts'
import { OURS, type PeerName } from './roster.ts'
import type { Goal, Workload } from './workload.ts'

/** A goal beside what was reached; `met` is undefined where a figure it needs is missing. */
export interface Verdict {
  readonly goal: Goal
  readonly reached: number | undefined
  readonly met: boolean | undefined
}

/** The line of one figure, for programs: everything in the units of the workload. */
export function figureLine(figure: Figure, subject: Figure | undefined): string {
  const { workload, peer, version, value, rounds, missing, failed } = figure
  const oursOverTheirs = ratio(subject?.value, value)
  return JSON.stringify({
    workload: workload.name,
    peer,
    version,
    engines: workload.engines,
    unit: workload.unit,
    value: value === undefined ? null : precise(value),
    rounds: rounds.map(precise),
    ...(peer !== subjectOf(workload) &&
      oursOverTheirs !== undefined && { oursOverTheirs: precise(oursOverTheirs) }),
    ...(missing !== undefined && { missing }),
    ...(failed !== undefined && { failed }),
  })
}

/** The line of one goal, for programs. */
export function verdictLine(workload: string, { goal, reached, met }: Verdict): string {
  return JSON.stringify({
    workload,
    goal: goalText(goal),
    level: goal.level,
    reached: reached === undefined ? null : precise(reached),
    met: met ?? null,
  })
}

/** Whose figure a workload is about. */
export function subjectOf(workload: Workload): PeerName {
  return workload.subject ?? OURS
}

/** What our figure makes of each goal of its workload. */
export function verdicts(figures: readonly Figure[]): Verdict[] {
  const figureOf = (name: PeerName) => figures.find(figure => figure.peer === name)?.value
  const workload = figures[0]?.workload
  if (workload === undefined) return []
  const ours = figureOf(subjectOf(workload))
  return workload.goals.map(goal => {
    const reached = goal.times === undefined ? ours : ratio(ours, figureOf(goal.times))
    if (reached === undefined) return { goal, reached, met: undefined }
    return { goal, reached, met: goal.bound === 'at least' ? reached >= goal.value : reached <= goal.value }
  })
}

/** The columns of the table: every peer that any of `runs` measured, ourselves first. */
function columns(runs: readonly (readonly Figure[])[]): PeerName[] {
  return [...new Set(runs.flat().map(figure => figure.peer))]
}

function rows(runs: readonly (readonly Figure[])[], mark: (verdict: Verdict) => string): string[][] {
  const names = columns(runs)
  return runs
    .filter(figures => figures.length > 0)
    .map(figures => {
      const { title, unit } = figures[0]!.workload
      const cells = names.map(name => cell(figures.find(figure => figure.peer === name)))
      return [`${title} (${unit})`, ...cells, verdicts(figures).map(mark).join('\n')]
    })
}

function cell(figure: Figure | undefined): string {
  if (figure === undefined) return '–'
  if (figure.missing !== undefined) return 'missing'
  return figure.value === undefined ? 'failed' : readable(figure.value)
}

/** The table for people, on a terminal. */
export function terminalTable(runs: readonly (readonly Figure[])[]): string {
  const mark = (verdict: Verdict) => `${goalText(verdict.goal)}: ${outcome(verdict)}`
  const table = new Table({ head: ['', ...columns(runs), 'goals'], style: { head: [], border: [] } })
  table.push(...rows(runs, mark))
  return table.toString()
}

/** The same table as the README shows it. */
export function markdownTable(runs: readonly (readonly Figure[])[]): string {
  const mark = (verdict: Verdict) => `${goalText(verdict.goal)}: ${outcome(verdict)}`
  const line = (cells: readonly string[]) =>
    `| ${cells.map(text => text.replaceAll('\n', '<br>')).join(' | ')} |`
  const head = ['workload', ...columns(runs), 'goals']
  const rule = head.map((_, i) => (i === 0 || i === head.length - 1 ? '---' : '---:'))
  return [line(head), line(rule), ...rows(runs, mark).map(line)].join('\n')
}

function goalText({ bound, value, times }: Goal): string {
  const sign = bound === 'at least' ? '≥' : '≤'
  return times === undefined ? `${sign} ${readable(value)}` : `${sign} ${readable(value)} × ${times}`
}

function outcome({ goal, reached, met }: Verdict): string {
  if (met === undefined || reached === undefined) return 'not measured'
  return `${met ? 'met' : 'not met'}${goal.times === undefined ? '' : ` (${readable(reached)} ×)`}`
}

function ratio(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b
}

/** Three significant digits, and no exponent. */
const readable = (value: number): string =>
  value.toLocaleString('en-US', { maximumSignificantDigits: 3, useGrouping: true })
const precise = (value: number): number => Number(value.toPrecision(5))

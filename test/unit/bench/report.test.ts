import { describe, expect, it } from 'vitest'
import type { Figure } from '../../../bench/harness.ts'
import { figureLine, markdownTable, verdicts } from '../../../bench/report.ts'
import { median, perSecond, type Workload } from '../../../bench/workload.ts'

const workload: Workload = {
  name: 'tasks',
  title: 'no-op tasks',
  unit: 'tasks/s',
  engines: 2,
  rounds: 3,
  shares: {},
  figure: perSecond,
  goals: [
    { bound: 'at least', value: 15_000, level: 'first' },
    { bound: 'at least', value: 40, times: 'ipyparallel', level: 'first' },
    { bound: 'at most', value: 2, times: 'dask', level: 'final' },
  ],
}
const ours: Figure = { workload, peer: 'itsparallel', version: '1', value: 20_000, rounds: [19_000, 20_000] }
const theirs: Figure = { workload, peer: 'ipyparallel', version: '7', value: 400, rounds: [400] }
const absent: Figure = { workload, peer: 'dask', version: '', rounds: [], missing: 'not installed' }

describe('median', () => {
  it('is the middle value, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
  })

  it('of nothing is not a number', () => {
    expect(median([])).toBeNaN()
  })
})

describe('verdicts', () => {
  it('compares the figure of the peer that the workload is about', () => {
    const about = { ...workload, subject: 'ipyparallel', goals: workload.goals.slice(0, 1) } as const
    const figures = [ours, theirs].map(figure => ({ ...figure, workload: about }))
    expect(verdicts(figures)).toMatchObject([{ reached: 400, met: false }])
  })

  it('compares with a number and with a multiple of a peer', () => {
    expect(verdicts([ours, theirs, absent]).map(({ reached, met }) => ({ reached, met }))).toEqual([
      { reached: 20_000, met: true },
      { reached: 50, met: true },
      { reached: undefined, met: undefined },
    ])
  })

  it('meets nothing when our own figure is missing', () => {
    const { value: _, ...failed } = ours
    expect(verdicts([failed, theirs]).map(({ met }) => met)).toEqual([undefined, undefined, undefined])
  })
})

describe('figureLine', () => {
  it('puts ours beside theirs as a ratio', () => {
    expect(JSON.parse(figureLine(theirs, ours))).toMatchObject({ value: 400, oursOverTheirs: 50 })
  })

  it('never guesses a missing peer', () => {
    expect(JSON.parse(figureLine(absent, ours))).toMatchObject({ value: null, missing: 'not installed' })
  })
})

describe('markdownTable', () => {
  it('has a row for each workload, with the goals and what became of them', () => {
    expect(markdownTable([[ours, theirs, absent]])).toBe(
      [
        '| workload | itsparallel | ipyparallel | dask | goals |',
        '| --- | ---: | ---: | ---: | --- |',
        '| no-op tasks (tasks/s) | 20,000 | 400 | missing | ≥ 15,000: met<br>≥ 40 × ipyparallel: met (50 ×)<br>≤ 2 × dask: not measured |',
      ].join('\n'),
    )
  })
})

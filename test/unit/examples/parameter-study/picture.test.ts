import { describe, expect, it } from 'vitest'
import { drawStudy } from '../../../../examples/parameter-study/picture.ts'
import type { Outcome, Trial } from '../../../../examples/parameter-study/trial.ts'

const best: Trial = { beta: 1.669, gamma: 0.444, curve: [1, 3, 11, 36], misfit: 300 }
const inBed = [3, 8, 26]
/** A grid of 2 × 2, of which one trial failed. */
const coarse: Outcome[] = [
  { pair: { beta: 0, gamma: 0 }, outcome: new Error('refused') },
  { pair: { beta: 0, gamma: 1 }, outcome: { ...best, misfit: 1e6 } },
  { pair: { beta: 3, gamma: 0 }, outcome: { ...best, misfit: 1e4 } },
  { pair: { beta: 3, gamma: 1 }, outcome: best },
]

describe('drawStudy', () => {
  const picture = drawStudy({ inBed, best, coarse })

  it('is one well-formed element, without a number that is none', () => {
    const open: string[] = []
    for (const [, slash, name, , self] of picture.matchAll(/<(\/?)([a-z]+)([^>]*?)(\/?)>/g)) {
      if (slash === '/') expect(open.pop()).toBe(name)
      else if (self !== '/') open.push(name!)
    }
    expect(open).toEqual([])
    expect(picture.startsWith('<svg ')).toBe(true)
    expect(picture).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('has a point for each day of the data', () => {
    // One more stands in the legend.
    expect(picture.match(/<circle [^>]*fill="#1d5b8f"/g)).toHaveLength(inBed.length + 1)
  })

  it('says what the axes measure, and names the best pair', () => {
    for (const words of ['time (days)', 'boys in bed', '(1/day)', 'β = 1.669 a day', 'R₀ = 3.76']) {
      expect(picture).toContain(words)
    }
  })

  it('crosses out the trials that failed', () => {
    expect(picture.match(/l6 6m0-6l-6 6/g)).toHaveLength(1)
  })
})

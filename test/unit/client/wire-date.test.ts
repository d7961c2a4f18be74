import { expect, it } from 'vitest'
import { wireDateMs } from '../../../src/client/wire-date.ts'

it('wireDateMs reads the dates of every peer, alike ones in a row too', () => {
  const ms = Date.UTC(2026, 10, 22, 8, 22, 27, 702)
  for (const text of [
    '2026-11-22T08:22:27.702398Z',
    '2026-11-22T08:22:27.702399Z',
    '2026-11-22T08:22:27.702Z',
    '2026-11-22T10:22:27.702398+02:00',
    '2026-11-22T08:22:27.702398Z',
  ])
    expect(wireDateMs(text)).toBe(ms)
  expect(wireDateMs('2026-11-22T08:22:27.703398Z')).toBe(ms + 1)
  expect(wireDateMs('yesterday')).toBeNaN()
})

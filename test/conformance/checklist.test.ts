/**
 * The checklist of the wire protocol (sections 12 and 14.5 of its reference) has 78 numbered statements. Every one has a
 * test whose title begins with its number, wherever that test lies: `[23] forgives ten misses …`.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const STATEMENTS = 78

const root = fileURLToPath(new URL('..', import.meta.url))
/** The title of a test, or of a group of them, up to its last number. */
const NUMBERED_TITLE = /(?:\b(?:it|describe|describeNeeds)|\))\(\s*['"`]((?:\[\d+\] )+)/g

/** The numbers in the titles of all tests, each with the files that have it. */
function numbersInTitles(): Map<number, string[]> {
  const found = new Map<number, string[]>()
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8')
    for (const [, numbers] of text.matchAll(NUMBERED_TITLE)) {
      for (const number of numbers!.matchAll(/\d+/g)) {
        found.set(Number(number[0]), [...(found.get(Number(number[0])) ?? []), entry.name])
      }
    }
  }
  return found
}

it('every statement of the checklist has a test of its number', () => {
  const found = numbersInTitles()
  const all = Array.from({ length: STATEMENTS }, (_, i) => i + 1)
  expect(all.filter(number => !found.has(number))).toEqual([])
  expect([...found.keys()].filter(number => !all.includes(number))).toEqual([])
})

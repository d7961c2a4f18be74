import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { tellStory } from '../../src/testing/story.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))
const stories = readdirSync(folder).filter(name => name.endsWith('.txt'))

/** `UPDATE_STORIES=1 npx vitest run test/stories` writes what happens now; the change is reviewed as a diff. */
const isUpdate = process.env.UPDATE_STORIES === '1'

describe('stories', () => {
  it('are many', () => {
    expect(stories.length).toBeGreaterThanOrEqual(10)
  })

  it.each(stories)('%s goes as it is told', async name => {
    const path = join(folder, name)
    const text = readFileSync(path, 'utf8')
    const told = await tellStory(text)
    if (isUpdate) writeFileSync(path, told)
    else expect(told).toBe(text)
  })
})

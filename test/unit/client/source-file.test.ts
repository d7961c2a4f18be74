import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSourceFile } from '../../../src/client/source-file.ts'
import { UsageError } from '../../../src/errors.ts'

let folder: string
let path: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'itsparallel-source-'))
  path = join(folder, 'a b.ts')
  await writeFile(path, 'const x: number = 1')
})

afterAll(() => rm(folder, { recursive: true }))

describe('readSourceFile', () => {
  it('reads a file by its path from the working directory, or its URL, and says where it lies', () => {
    const file = { path, text: 'const x: number = 1' }
    expect(readSourceFile(path)).toEqual(file)
    expect(readSourceFile(relative(process.cwd(), path))).toEqual(file)
    expect(readSourceFile(pathToFileURL(path))).toEqual(file)
  })

  it('says which file cannot be read, and from where its path is taken', () => {
    const read = (): unknown => readSourceFile('nowhere.ts')
    expect(read).toThrow(UsageError)
    expect(read).toThrow(/nowhere\.ts.*a path is taken from \//s)
  })
})

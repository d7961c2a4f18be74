import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, extname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { missingTests, root, tableRows } from '../../support/documents.ts'

const PAGES = [
  ...['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'examples/README.md'],
  ...readdirSync(join(root, 'docs')).map(name => `docs/${name}`),
]

describe('the documentation', () => {
  it('links to what is there', () => {
    const dead = PAGES.flatMap(page =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)]
        .map(([, link]) => link!)
        .filter(link => !existsSync(join(root, dirname(page), link)))
        .map(link => `${page}: ${link}`),
    )
    expect(dead).toEqual([])
  })

  it('names test files that are there', () => {
    const named = PAGES.flatMap(page =>
      [...read(page).matchAll(/`(test\/[\w/.-]+)`/g)].map(([, path]) => `${page}: ${path}`),
    )
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter(line => !existsSync(join(root, line.split(': ')[1]!)))).toEqual([])
  })

  it('has an index of its pages', () => {
    const index = read('docs/README.md')
    const pages = readdirSync(join(root, 'docs')).filter(name => name !== 'README.md')
    expect(pages.filter(name => !index.includes(`(${name})`))).toEqual([])
  })
})

describe('examples/README.md', () => {
  const rows = tableRows('../examples/README.md').filter(([program]) => program!.startsWith('['))
  const listed = rows.map(([program]) => /\(([^)]+)\)/.exec(program!)![1]!)

  it('lists every example: add a row for a new one, and a test that runs it', () => {
    const files = readdirSync(join(root, 'examples'), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && extname(entry.name) !== '.md')
      .map(entry => join(entry.parentPath, entry.name))
      .filter(path => !relative(root, path).split('/').includes('out'))
    const texts = files.map(path => readFileSync(path, 'utf8'))
    // What another file of the examples names is a part of it.
    const isPart = (path: string) =>
      files.some((other, i) => other !== path && texts[i]!.includes(basename(path)))
    const programs = files.filter(path => !isPart(path)).map(path => relative(join(root, 'examples'), path))
    expect(programs.filter(path => !listed.includes(path))).toEqual([])
  })

  it('names for each the test that runs it', () => {
    const wrong = rows.filter(([, , runBy], i) => {
      const file = /`([^`]+)`/.exec(runBy!)?.[1]
      if (file === undefined || missingTests(runBy!).length > 0) return true
      return !read(`test/${file}`).includes(basename(listed[i]!, extname(listed[i]!)))
    })
    expect(wrong).toEqual([])
  })
})

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A row of a table in the documentation, by its cells. */
export function tableRows(document: string): string[][] {
  return readFileSync(`${root}docs/${document}`, 'utf8')
    .split('\n')
    .filter(line => /^\| (?!---)/.test(line))
    .map(line =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map(cell => cell.trim()),
    )
}

/** Names in a cell that stand in code marks. */
export function codeNames(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
}

const NAMED_TEST = /`([^`]+\.ts)` › ([^;]+)/g

/** Tests that a text names, as `file below test/` › part of a title, several with `;` between them. */
export function namedTests(text: string): { readonly file: string; readonly title: string }[] {
  return [...text.matchAll(NAMED_TEST)].map(([, file, title]) => ({ file: file!, title: title!.trim() }))
}

/** Those tests that a text names and that are not there. Files without a title must be there, too. */
export function missingTests(text: string): string[] {
  const tests = [
    ...namedTests(text),
    ...[...text.matchAll(/`([\w/.-]+\.(?:test|soak)\.ts)`(?! ›)/g)].map(([, file]) => ({
      file: file!,
      title: '',
    })),
  ]
  return tests
    .filter(({ file, title }) => {
      const path = `${root}test/${file}`
      return !existsSync(path) || !readFileSync(path, 'utf8').includes(title)
    })
    .map(({ file, title }) => `${file} › ${title}`)
}

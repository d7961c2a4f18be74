/**
 * The house itself: who may import whom, what the quiet inner rooms may know, and that nothing lies about unused.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const src = join(root, 'src')

/** Lower rooms first: a room imports only rooms of an earlier row, or itself. */
const LAYERS: readonly (readonly string[])[] = [
  ['errors', 'base'],
  ['transport'],
  ['protocol'],
  ['serialize'],
  ['config'],
  ['controller', 'engine', 'client'],
  ['cluster'],
  ['mpi'],
  ['console', 'dashboard'],
  ['index'],
  ['cli'],
  ['testing'],
]

interface SourceFile {
  /** Path below `src/`, such as `controller/state/hub.ts`. */
  readonly path: string
  readonly text: string
  /** `text` without comments, for rules about code. */
  readonly code: string
  /** Files of ours that it imports, below `src/`. */
  readonly imports: readonly string[]
  /** Packages and node modules that it imports at run time. */
  readonly packages: readonly string[]
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => join(entry.parentPath, entry.name))
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1')
}

const IMPORT =
  /\b(?:import|export)\b(?!\s*\()([^'";]*?)\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g
/** A worker's or program's own file, named by its address: `new URL('./io-thread.js', import.meta.url)`. */
const BY_ADDRESS = /new URL\(\s*['"`](\.[^'"`]+\.(?:[jt]s|\$\{extension\}))['"`]/g

function read(file: string): SourceFile {
  const text = readFileSync(file, 'utf8')
  const code = withoutComments(text)
  const imports: string[] = []
  const packages: string[] = []
  const own = (specifier: string): string =>
    relative(src, resolve(dirname(file), specifier.replace(/\.(js|\$\{extension\})$/, '.ts')))
  for (const [, names = '', from, bare] of code.matchAll(IMPORT)) {
    const specifier = from ?? bare!
    if (specifier.startsWith('.')) imports.push(own(specifier))
    else if (!names.trim().startsWith('type ')) packages.push(specifier)
  }
  for (const [, specifier] of code.matchAll(BY_ADDRESS))
    if (!specifier!.includes('/dist/')) imports.push(own(specifier!))
  return { path: relative(src, file), text, code, imports, packages }
}

const files = filesUnder(src).map(read)
const roomOf = (path: string): string => path.split('/')[0]!.replace(/\.ts$/, '')
const layerOf = (path: string): number => LAYERS.findIndex(row => row.includes(roomOf(path)))

describe('the house', () => {
  it('has a place for every room', () => {
    expect(files.filter(file => layerOf(file.path) === -1).map(file => file.path)).toEqual([])
  })

  it('imports only from the rooms above', () => {
    const wrong = files.flatMap(file =>
      file.imports
        .filter(target => roomOf(target) !== roomOf(file.path) && layerOf(target) >= layerOf(file.path))
        // The one thing every room may know of the wire is its unit: the error tree and base stand beside each other.
        .filter(target => !(layerOf(target) === 0 && layerOf(file.path) === 0))
        .map(target => `${file.path} imports ${target}`),
    )
    expect(wrong).toEqual([])
  })

  it('has no import of a file that is not there', () => {
    const missing = files.flatMap(file =>
      file.imports
        .filter(target => !existsSync(join(src, target)))
        .map(target => `${file.path} imports ${target}`),
    )
    expect(missing).toEqual([])
  })

  it('keeps state/ pure: no I/O, clock, timer, promise, randomness or logging', () => {
    const forbidden: readonly (readonly [string, RegExp])[] = [
      ['the clock', /\b(Date|performance)\b|\bhrtime\b/],
      ['timers', /\b(setTimeout|setInterval|setImmediate|queueMicrotask|nextTick)\b/],
      ['promises', /\b(Promise|async|await)\b/],
      ['randomness', /\bMath\.random\b|\brandomBytes\b|\brandomUUID\b/],
      ['the process', /\bprocess\./],
      ['the console', /\bconsole\./],
    ]
    const wrong = files
      .filter(file => file.path.includes('/state/'))
      .flatMap(file => {
        const code = file.code.replace(/'[^'\n]*'|`[^`]*`/g, "''")
        const known = forbidden.filter(([, pattern]) => pattern.test(code)).map(([what]) => what)
        return [...known, ...file.packages.map(name => `the package ${name}`)].map(
          what => `${file.path} knows ${what}`,
        )
      })
    expect(wrong).toEqual([])
  })

  it('keeps sockets out of state/', () => {
    const wrong = files
      .filter(file => file.path.includes('/state/'))
      .flatMap(file =>
        file.imports
          .filter(
            target =>
              roomOf(target) === 'transport' &&
              !target.includes('/state/') &&
              !['transport/socket.ts', 'transport/pieces.ts'].includes(target),
          )
          .map(target => `${file.path} imports ${target}`),
      )
    expect(wrong).toEqual([])
  })

  it('has no dead file', () => {
    // The in-memory transport is what tests run the shells on.
    const entries = files.filter(file => /^(index|cli\/[^/]+|transport\/memory)\.ts$/.test(file.path))
    const alive = new Set<string>()
    const visit = (path: string): void => {
      if (alive.has(path)) return
      alive.add(path)
      for (const target of files.find(file => file.path === path)?.imports ?? []) visit(target)
    }
    for (const entry of entries) visit(entry.path)
    const dead = files.map(file => file.path).filter(path => !alive.has(path) && roomOf(path) !== 'testing')
    expect(dead).toEqual([])
  })

  it('has no export that nobody imports', () => {
    const everywhere = [src, join(root, 'test'), join(root, 'bench'), join(root, 'examples')].flatMap(
      filesUnder,
    )
    const texts = everywhere.map(file => ({ file, text: readFileSync(file, 'utf8') }))
    const unused: string[] = []
    for (const { path, code } of files) {
      if (path === 'index.ts' || path.startsWith('cli/')) continue
      for (const [, name] of code.matchAll(
        /^export (?:abstract |async )?(?:function\*?|class|const|let) (\w+)/gm,
      )) {
        const word = new RegExp(`\\b${name}\\b`)
        const used = texts.some(({ file, text }) => relative(src, file) !== path && word.test(text))
        const exportedWhole = files.some(
          file => file.path === 'index.ts' && file.text.includes(`export * from './${path}'`),
        )
        if (!used && !exportedWhole) unused.push(`${path}: ${name}`)
      }
    }
    expect(unused).toEqual([])
  })

  it('opens every machine and every protocol file with what it is for', () => {
    const bare = files
      .filter(file => file.path.includes('/state/') || file.path.startsWith('protocol/'))
      .filter(file => !/\/\*\*/.test(file.text.split(/^export /m)[0] ?? ''))
      .map(file => file.path)
    expect(bare).toEqual([])
  })

  it('documents every public name', () => {
    const bare = files
      .filter(file => file.path !== 'index.ts' && file.path !== 'mpi/index.ts')
      .flatMap(file => {
        const names = publicNames.get(file.path) ?? []
        return names.filter(name => !isDocumented(file.text, name)).map(name => `${file.path}: ${name}`)
      })
    expect(bare).toEqual([])
  })

  it('documents every public method', () => {
    const bare = [...publicNames].flatMap(([path, names]) => {
      const { text } = files.find(file => file.path === path)!
      return names.flatMap(name =>
        undocumentedMethods(text, name).map(method => `${path}: ${name}.${method}`),
      )
    })
    expect(bare).toEqual([])
  })

  it('silences no check and skips no test', () => {
    const silencing = new RegExp(
      [
        '@ts-' + 'ignore',
        '@ts-' + 'nocheck',
        'biome-' + 'ignore',
        '\\b(it|test|describe)\\.(skip|only|todo)\\(',
      ].join('|'),
    )
    const wrong = [src, join(root, 'test'), join(root, 'bench'), join(root, 'examples')]
      .flatMap(filesUnder)
      .filter(file => silencing.test(readFileSync(file, 'utf8')))
      .map(file => relative(root, file))
    expect(wrong).toEqual([])
  })

  it('has files that a person can hold in the head', () => {
    const long = files.filter(file => file.text.split('\n').length > 500).map(file => file.path)
    expect(long).toEqual([])
  })
})

/** What users import: by what they import it. */
const ENTRIES = ['index.ts', 'mpi/index.ts', 'config/get-config.ts']

/** What the entries export, by the file that it comes from. */
const publicNames = new Map<string, string[]>()
for (const entry of ENTRIES) {
  const { text } = files.find(file => file.path === entry)!
  for (const [, names, specifier] of text.matchAll(/export (?:type )?(\{[^}]*\}|\*) from '\.\/([^']+)'/g)) {
    const path = join(dirname(entry), specifier!)
    const list = names === '*' ? declaredNames(path) : names!.slice(1, -1).split(',')
    const clean = list.map(
      name =>
        name
          .trim()
          .replace(/^type /, '')
          .split(' as ')[0]!,
    )
    publicNames.set(path, [...(publicNames.get(path) ?? []), ...clean.filter(name => name !== '')])
  }
  if (!entry.endsWith('index.ts')) publicNames.set(entry, declaredNames(entry))
}

function declaredNames(path: string): string[] {
  const { code } = files.find(file => file.path === path)!
  return [
    ...code.matchAll(/^export (?:abstract |async )*(?:function\*?|class|const|interface|type) (\w+)/gm),
  ].map(([, name]) => name!)
}

/** Public methods and accessors of a class without a comment; the overloads of one share one. */
function undocumentedMethods(text: string, name: string): string[] {
  const [, body] = new RegExp(`^export (?:abstract )?class ${name}\\b(.*?)^\\}`, 'ms').exec(text) ?? []
  if (body === undefined) return []
  const seen = new Set(['constructor', 'toString'])
  const bare: string[] = []
  for (const [, before, word, method] of body.matchAll(
    /^(.*)\n {2}(?:(protected|private|override) )?(?:static |async |get |set |\*)*([a-zA-Z]\w*)[<(]/gm,
  )) {
    const isDocumentedHere = before!.trim().endsWith('*/')
    if (word === undefined && !isDocumentedHere && !seen.has(method!)) bare.push(method!)
    seen.add(method!)
  }
  return bare
}

function isDocumented(text: string, name: string): boolean {
  return new RegExp(
    `\\*/\\s*export (?:declare |abstract |async )*(?:function\\*?|class|const|interface|type) ${name}\\b`,
  ).test(text)
}

/**
 * The same TypeScript program is run by tsx and compiled by tsc and esbuild, and packs its functions in one process;
 * another process, which has never heard of that program, runs them.
 */

import { cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const fixtures = join(root, 'test/fixtures/serialize')
const out = join(fixtures, 'out', String(process.pid))
const payload = new URL('../../dist/serialize/payload.js', import.meta.url).href

interface Answer {
  readonly name: string
  readonly value?: unknown
  /** Refused while packing. */
  readonly error?: string
  readonly ename?: string
  readonly evalue?: string
  readonly traceback?: readonly string[]
}

function answersIn(text: string): Answer[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Answer)
}

/** Runs a program that packs, and what it packed in an engine. */
async function run(
  program: string,
  nodeOptions: readonly string[] = [],
  between: () => Promise<void> = async () => {},
): Promise<Map<string, Answer>> {
  const preload = ['--import', join(fixtures, 'packer.mjs')]
  const options = { cwd: root, timeout: 30_000 }
  const packed = await execa('node', [...nodeOptions, ...preload, program], options)
  await between()
  const refused = answersIn(packed.stdout).filter(answer => answer.error !== undefined)
  const engine = await execa('node', [join(fixtures, 'engine.mjs'), payload], {
    ...options,
    input: packed.stdout,
  })
  return new Map([...answersIn(engine.stdout), ...refused].map(answer => [answer.name, answer]))
}

function valuesOf(answers: ReadonlyMap<string, Answer>): Record<string, unknown> {
  return Object.fromEntries(
    [...answers].flatMap(([name, answer]) => ('value' in answer ? [[name, answer.value]] : [])),
  )
}

/** Copies the TypeScript program to a folder of its own, as an ES module or as CommonJS. */
async function project(name: string, type: 'module' | 'commonjs'): Promise<string> {
  const folder = join(out, name)
  await cp(join(fixtures, 'project'), folder, { recursive: true })
  for (const file of await readdir(folder))
    await rename(join(folder, file), join(folder, file.replace(/\.txt$/, '')))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type }))
  return folder
}

async function tsc(folder: string, target = 'es2022'): Promise<string> {
  const flags = `--module nodenext --target ${target} --rewriteRelativeImportExtensions --sourceMap --skipLibCheck`
  const built = join(folder, 'built')
  await mkdir(built, { recursive: true })
  await cp(join(folder, 'package.json'), join(built, 'package.json'))
  const args = [...flags.split(' '), '--types', 'node', '--outDir', built, join(folder, 'program.ts')]
  await execa('npx', ['--no-install', 'tsc', '--ignoreConfig', ...args], { cwd: root, timeout: 60_000 })
  return join(built, 'program.js')
}

async function esbuild(folder: string, file: string, ...flags: readonly string[]): Promise<string> {
  const target = join(folder, file)
  const args = [join(folder, 'program.ts'), '--bundle', '--platform=node', `--outfile=${target}`, ...flags]
  await execa('npx', ['--no-install', 'esbuild', '--log-level=error', ...args], {
    cwd: root,
    timeout: 60_000,
  })
  return target
}

const expected = {
  plain: 2,
  'captured number': 6,
  'default import': 'number',
  'named import': true,
  'namespace import': 'a/b',
  'imported function': 280,
  'imported constant': 14,
  'import of an import': 'y.txt',
  'mutual recursion': true,
  'closure over closure': 12,
  'default parameter': 'x:2',
  class: [1, 1, 'q', 'queue', 0],
  instance: [1, true],
  enum: 2,
  'async generator': [1, 2, 3],
  method: 15,
  getter: 30,
  'dynamic import': 'b',
  'namespace lookup': 42,
  'inner names': [8, 'inner', 'arrow'],
  meta: 'string',
}

beforeAll(() => mkdir(out, { recursive: true }))
afterAll(() => rm(out, { recursive: true, force: true }))

function expectAll(answers: ReadonlyMap<string, Answer>): void {
  expect(valuesOf(answers)).toEqual(expected)
  const failure = answers.get('fail')
  expect(failure).toMatchObject({ ename: 'RangeError', evalue: 'failed: here' })
  expect(failure?.traceback?.[1]).toMatch(/program\.ts:55:9\)?$/)
}

describe('functions of a TypeScript program', () => {
  it('travel when tsx runs it as an ES module', async () => {
    const folder = await project('tsx-esm', 'module')
    expectAll(await run(join(folder, 'program.ts'), ['--import', 'tsx']))
  })

  it('travel when tsx runs it as CommonJS', async () => {
    const folder = await project('tsx-cjs', 'commonjs')
    expectAll(await run(join(folder, 'program.ts'), ['--import', 'tsx']))
  })

  it('travel when tsc compiled it to ES modules', async () => {
    expectAll(await run(await tsc(await project('tsc-esm', 'module'))))
  })

  it('travel when tsc compiled it to CommonJS', async () => {
    expectAll(await run(await tsc(await project('tsc-cjs', 'commonjs'))))
  })

  it('travel with the helpers of a compiler that writes old JavaScript', async () => {
    expectAll(await run(await tsc(await project('tsc-es2015', 'module'), 'es2015')))
  })

  it('travel when esbuild bundled it', async () => {
    const folder = await project('esbuild', 'module')
    expectAll(await run(await esbuild(folder, 'bundle.mjs', '--format=esm', '--sourcemap')))
    expectAll(await run(await esbuild(folder, 'bundle.cjs', '--format=cjs', '--sourcemap', '--keep-names')))
  })

  it('travel when esbuild minified it, under the names that it left them', async () => {
    const folder = await project('minified', 'module')
    const answers = await run(await esbuild(folder, 'bundle.mjs', '--format=esm', '--minify'))
    const names = { 'inner names': [8, expect.any(String), expect.any(String)] }
    expect(valuesOf(answers)).toEqual({ ...expected, ...names })
  })
})

describe('functions of a JavaScript program', () => {
  it('travel from an ES module, whose imports become imports', async () => {
    const answers = await run(join(fixtures, 'plain.mjs'))
    expect(valuesOf(answers)).toEqual({
      'named import': true,
      'namespace of own module': 9,
      'default of own module': 101,
      'object of own module': 2,
      'class of own module': 's',
      'commonjs module': 6,
      'namespace of a builtin': 'object',
      'relative dynamic import': 10,
      'dynamic import of a variable': 12,
      'import.meta': ['string', true, true],
      'shared variable': 5,
      'private members inside': [1, 1],
      iterator: [1, 2, 1, 2],
      'class itself': 9,
      'promises of fs': 'number',
    })
    expect(answers.get('live private instance')?.error).toContain('#private')
  })

  it('travel from a CommonJS module, whose requires become imports', async () => {
    const answers = await run(join(fixtures, 'plain.cjs'))
    expect(valuesOf(answers)).toEqual({
      'module object': '\na/b',
      'require inside': 'b',
      'relative require inside': 6,
      'file and folder': ['string', true],
      json: 3,
      'own module': 12,
      'own copy': [2, 3, 3],
      'subclass of a builtin class': 1,
      'old style': 8,
      'old style instance': [10, true],
      exports: 2,
      'function with properties': ['kept', 16],
      sloppy: 5,
      bound: 7,
      'computed method': 3,
      generator: [1, 2],
    })
    expect(answers.get('arrow with this')?.error).toContain('`this`')
    expect(answers.get('weak')?.error).toContain('function → arguments[0] → inside → [0]')
  })
})

describe('functions of every form', () => {
  it('mean in another process what they mean in their own', async () => {
    const program = join(out, 'forms.mjs')
    await cp(join(fixtures, 'forms.mjs.txt'), program)
    const answers = await run(program)
    expect(valuesOf(answers)).toEqual({
      class: ['a computed', 'base', 1, 'tagged'],
      'private members': [9, true, false],
      inheritance: ['leaf of l computed', 'from base and middle', 1, 'base leaf', true, ['l']],
      'class as an argument': { name: 'x' },
      'instance of a class': [3, true],
      'subclass of an error': ['RangeError', 'w', 'E_WRONG', 1, true],
      'async generator': [1, 2, 's'],
      generator: [0, 1, 0, [0, 1]],
      recursion: [120, 55, 'self'],
      'mutual recursion': ['ping', 'pong'],
      'object with accessors, by value': [6, 3],
      'method of an object': { value: 7, doubled: 6 },
      'method without its object': 3,
      getter: 42,
      'default parameters': [1, 7, 14, {}, []],
      destructuring: [1, 3, { b: 5, c: 6 }],
      'closures that share a variable': [11, 12, 13],
      'closures over closures': [1111, 1112, 1113],
      'the value at the call, once': 100,
      'the value at the call, again': 200,
      'assigning a variable of its own copy': 201,
      'initialised later in the file': 15,
      imports: [32, '/', 'a/b'],
      'import of a builtin inside': '\n',
      'from text': 42,
      bound: 3,
      'bound twice': 24,
      'standard functions': ['function', 'function', 'function'],
      'a standard function itself': 5,
      'tagged template': 'a|\\n|b1,200',
      'this in arrows': 5,
      'this in a function': 'object',
      arguments: [3, 4],
      'eval inside': 2,
      'new.target': ['called', true],
      'super in object literals': 'object, base',
      'symbols as keys': [1, 2, ['plain']],
      'labels, regular expressions and bigints': ['2026', '1180591620717411303424'],
      'async arrow': 201,
      'immediately called': 1,
      'import.meta': [true, true],
      'in a Map and a Set': [6, 8],
      'data and functions in a circle': 'loop',
    })
    expect(answers.get('an error of its own')).toMatchObject({
      ename: 'RangeError',
      evalue: 'thrown there',
      traceback: [
        'RangeError: thrown there',
        expect.stringMatching(/forms\.mjs:\d+:9\)$/),
        expect.any(String),
      ],
    })
  })
})

describe('modules of the user', () => {
  it('travel with the functions that import them: the engine has none of the files', async () => {
    const folder = join(out, 'modules')
    await cp(join(fixtures, 'modules'), folder, { recursive: true })
    const answers = await run(join(folder, 'program.mjs'), ['--import', 'tsx'], () =>
      rm(folder, { recursive: true }),
    )
    expect(valuesOf(answers)).toEqual({
      default: 'hello m',
      subclass: 'better hello x',
      renamed: 8,
      namespace: 210,
      'top-level await': 'a/b',
      'state lasts': [1, 2],
      'state is shared by all who import it': [2, 3, 3],
      'import.meta': true,
      circular: [false, true],
      commonjs: [2, 1.5, 'legacy.cjs3'],
      json: 3,
      dynamic: 'lazily',
      'dynamic, from a module': 'lazily',
      'dynamic, of a JSON file': [1, 2, 3],
      typescript: 'ted',
      'a function that uses them': [7],
    })
    const failure = answers.get('fail')
    expect(failure).toMatchObject({ ename: 'RangeError', evalue: 'on purpose' })
    expect(failure?.traceback?.slice(1, 3)).toEqual([
      expect.stringMatching(/at fail \(file:.*\/model\.mjs:29:9\)$/),
      expect.stringMatching(/program\.mjs:47:\d+\)?$/),
    ])
  })
})

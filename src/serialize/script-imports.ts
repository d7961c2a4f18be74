/** Import declarations of the module that a function stands in. */

import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Program } from 'acorn'
import type { Script } from './inspector.ts'
import { LruMap } from './lru-map.ts'
import type { ImportName } from './module-index.ts'
import { parser } from './parser.ts'

const SCRIPTS_MAX = 64
const tables = new LruMap<string, ReadonlyMap<string, ImportName>>(SCRIPTS_MAX)

/** The import that declares a variable of the script, when plain node can load it; else its value travels instead. */
export function declaredImport(script: Script, variable: string): ImportName | undefined {
  if (!script.isModule) return undefined
  let table = tables.get(script.source)
  if (table === undefined) {
    table = importTable(script)
    tables.set(script.source, table)
  }
  return table.get(variable)
}

function importTable(script: Script): ReadonlyMap<string, ImportName> {
  const table = new Map<string, ImportName>()
  if (!/\bimport\b/.test(script.source)) return table
  const program = parser().parse(script.source, {
    ecmaVersion: 'latest',
    sourceType: 'module',
    allowHashBang: true,
  })
  for (const statement of program.body) {
    if (statement.type !== 'ImportDeclaration' || (statement.attributes ?? []).length > 0) continue
    const specifier = resolveLoadable(String(statement.source.value), script.url)
    if (specifier === undefined) continue
    for (const each of statement.specifiers)
      table.set(each.local.name, { specifier, name: importedName(each) })
  }
  return table
}

type Specifier = Extract<Program['body'][number], { type: 'ImportDeclaration' }>['specifiers'][number]

function importedName(specifier: Specifier): string {
  if (specifier.type === 'ImportNamespaceSpecifier') return '*'
  if (specifier.type === 'ImportDefaultSpecifier') return 'default'
  const { imported } = specifier
  return imported.type === 'Identifier' ? imported.name : String(imported.value)
}

/** What node can load without help, other than the program itself. */
function resolveLoadable(specifier: string, base: string): string | undefined {
  const resolved = resolveSpecifier(specifier, base)
  if (resolved === undefined || resolved.startsWith('node:')) return resolved
  const isFile = resolved.startsWith('file:') && /\.(mjs|js|cjs|node)$/.test(resolved)
  return isFile && !isMainModule(fileURLToPath(resolved)) ? resolved : undefined
}

/** Whether the file is the program: importing it elsewhere would run the whole program there. */
export function isMainModule(file: string): boolean {
  const main = process.argv[1]
  if (main === undefined) return false
  try {
    return realpathSync(createRequire(import.meta.url).resolve(main)) === realpathSync(file)
  } catch {
    return main === file
  }
}

/** Absolute address of what a module imports: `node:…` or `file:…`. @returns undefined when it cannot be found. */
export function resolveSpecifier(specifier: string, base: string): string | undefined {
  if (isBuiltin(specifier)) return specifier.startsWith('node:') ? specifier : `node:${specifier}`
  const from = URL.canParse(base) ? base : pathToFileURL(base).href
  try {
    if (/^(\.{0,2}\/|file:)/.test(specifier)) return existing(new URL(specifier, from).href)
    return resolvePackage(specifier, from)
  } catch {
    return undefined
  }
}

/** Compilers leave the `.js` of a TypeScript import in place: what is not there under that name does not count. */
function existing(url: string): string | undefined {
  return existsSync(fileURLToPath(url)) ? url : undefined
}

/** A bare specifier, by the conditions that `import` uses; without `exports`, as `require` finds it. */
function resolvePackage(specifier: string, from: string): string {
  const [, name = '', rest = ''] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(specifier) ?? []
  for (let folder = dirname(fileURLToPath(from)); ; folder = dirname(folder)) {
    const home = join(folder, 'node_modules', name)
    if (existsSync(join(home, 'package.json'))) {
      const { exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
        exports?: unknown
      }
      const target = exportsTarget(exports, `.${rest}`)
      if (target !== undefined) return pathToFileURL(realpathSync(join(home, target))).href
      break
    }
    if (folder === dirname(folder)) break
  }
  return pathToFileURL(createRequire(from).resolve(specifier)).href
}

/** Follows a package's `exports` field for one subpath, patterns excepted. */
function exportsTarget(exports: unknown, subpath: string): string | undefined {
  if (typeof exports === 'string') return subpath === '.' ? exports : undefined
  if (typeof exports !== 'object' || exports === null) return undefined
  const isSubpaths = Object.keys(exports).some(key => key.startsWith('.'))
  if (isSubpaths) return conditionTarget(Reflect.get(exports, subpath))
  return subpath === '.' ? conditionTarget(exports) : undefined
}

function conditionTarget(target: unknown): string | undefined {
  if (typeof target === 'string') return target
  if (typeof target !== 'object' || target === null) return undefined
  for (const [condition, inner] of Object.entries(target)) {
    if (!['node', 'import', 'default'].includes(condition)) continue
    const found = conditionTarget(inner)
    if (found !== undefined) return found
  }
  return undefined
}

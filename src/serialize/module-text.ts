/** What one file of the user's holds, as far as other modules matter to it. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AnyNode, Program } from 'acorn'
import { childrenOf } from './function-text.ts'
import { parser } from './parser.ts'

export type ModuleFormat = 'module' | 'commonjs' | 'json'

export interface ModuleText {
  readonly format: ModuleFormat
  /** JavaScript, or JSON. */
  readonly source: string
  /** What it imports or requires, where its text says so. */
  readonly specifiers: readonly string[]
  /** Names that a CommonJS module exports, where its text says so. */
  readonly names: readonly string[]
}

/** @throws SyntaxError when it cannot be parsed; what reading it throws. */
export function readModule(url: string): ModuleText {
  const file = fileURLToPath(url)
  const text = readFileSync(file, 'utf8')
  const extension = extname(file)
  if (extension === '.json') return { format: 'json', source: text, specifiers: [], names: [] }
  const source = /^\.[mc]?ts$/.test(extension) ? withoutTypes(text, file) : text
  const declared = declaredFormat(file, extension)
  if (declared !== 'commonjs') {
    const program = parse(source, 'module')
    // Without a word about it, what has no imports and exports is CommonJS.
    if (declared === 'module' || program.body.some(isModuleStatement))
      return { format: 'module', source, ...findIn(program) }
  }
  return { format: 'commonjs', source, ...findIn(parse(source, 'script')) }
}

function declaredFormat(file: string, extension: string): ModuleFormat | undefined {
  if (extension.startsWith('.m')) return 'module'
  if (extension.startsWith('.c')) return 'commonjs'
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    let text: string
    try {
      text = readFileSync(join(folder, 'package.json'), 'utf8')
    } catch {
      if (folder === dirname(folder)) return undefined
      continue
    }
    const { type } = JSON.parse(text) as { type?: unknown }
    return type === 'module' || type === 'commonjs' ? type : undefined
  }
}

function withoutTypes(text: string, file: string): string {
  const { transformSync } = createRequire(import.meta.url)('oxc-transform') as typeof import('oxc-transform')
  const { code, errors } = transformSync(file, text)
  if (errors.length > 0) throw new SyntaxError(`${file}: ${errors[0]!.message}`)
  return code
}

function parse(source: string, sourceType: 'module' | 'script'): Program {
  const isScript = sourceType === 'script'
  return parser().parse(source, {
    ecmaVersion: 'latest',
    sourceType,
    allowHashBang: true,
    allowReturnOutsideFunction: isScript,
  })
}

const MODULE_STATEMENT = /^(?:Import|Export)/

function isModuleStatement({ type }: AnyNode): boolean {
  return MODULE_STATEMENT.test(type)
}

function findIn(program: Program): Pick<ModuleText, 'specifiers' | 'names'> {
  const specifiers = new Set<string>()
  const names = new Set<string>()
  const visit = (node: AnyNode): void => {
    const specifier = specifierIn(node)
    if (specifier !== undefined) specifiers.add(specifier)
    if (node.type === 'AssignmentExpression')
      for (const name of exportedBy(node.left as AnyNode, node.right)) names.add(name)
    for (const child of childrenOf(node)) visit(child)
  }
  visit(program)
  return { specifiers: [...specifiers], names: [...names] }
}

/** What a declaration or a call imports, when it is written out. */
export function specifierIn(node: AnyNode): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
      return textOf(node.source as AnyNode | null | undefined)
    case 'CallExpression':
      return isNamed(node.callee, 'require') ? textOf(node.arguments[0] as AnyNode | undefined) : undefined
    default:
      return undefined
  }
}

function textOf(node: AnyNode | null | undefined): string | undefined {
  return node?.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined
}

function isNamed(node: AnyNode, name: string): boolean {
  return node.type === 'Identifier' && node.name === name
}

/** `exports.name = …`, `module.exports.name = …` and `module.exports = { name, … }`. */
function exportedBy(left: AnyNode, right: AnyNode): string[] {
  if (left.type !== 'MemberExpression' || left.computed || left.property.type !== 'Identifier') return []
  const { object, property } = left
  if (isNamed(object, 'exports') || isModuleExports(object)) return [property.name]
  if (!isModuleExports(left) || right.type !== 'ObjectExpression') return []
  return right.properties.flatMap(each =>
    each.type === 'Property' && !each.computed && each.key.type === 'Identifier' ? [each.key.name] : [],
  )
}

function isModuleExports(node: AnyNode): boolean {
  return (
    node.type === 'MemberExpression' &&
    isNamed(node.object, 'module') &&
    !node.computed &&
    isNamed(node.property, 'exports')
  )
}

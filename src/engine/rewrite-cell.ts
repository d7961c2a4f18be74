/**
 * Rewrites the source of a cell so that what it declares at top level lasts: declarations become assignments to
 * properties of the global object, and imports become bindings made before the cell runs.
 *
 * V8's own REPL mode was tried and left: there `let x` after `const x`, or after a function of that name, is an error
 * for ever, no name can be deleted, and a name taken from the language breaks every library.
 *
 * Every line keeps its number. Columns move only within a declaration's own line, by a few characters.
 */

import * as acorn from 'acorn'
import { isConstant } from './namespace.ts'

/** One `import` declaration. */
export interface CellImport {
  readonly specifier: string
  readonly attributes: Readonly<Record<string, string>>
  /** Local name to exported name; `*` stands for the whole module. */
  readonly bindings: readonly (readonly [local: string, imported: string])[]
}

/** A function declared at top level: it exists before the cell begins. */
export interface CellFunction {
  readonly name: string
  readonly source: string
  readonly lineOffset: number
  readonly columnOffset: number
}

export interface RewrittenCell {
  readonly code: string
  readonly imports: readonly CellImport[]
  readonly functions: readonly CellFunction[]
  /** Names that the cell assigns; strict code needs them to exist first. */
  readonly names: readonly string[]
  /** Names that exist, empty, from the start of the cell on. */
  readonly vars: readonly string[]
  readonly isStrict: boolean
  /** It awaits at top level: `code` is then the body of an async function, and returns the completion value. */
  readonly isAsync: boolean
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

type Node = acorn.AnyNode

/**
 * @param importMeta - what to write for `import.meta`.
 * @throws SyntaxError with acorn's `pos` and `loc`.
 */
export function rewriteCell(source: string, importMeta: string): RewrittenCell {
  const program = acorn.parse(source, {
    ecmaVersion: 'latest',
    sourceType: 'script',
    locations: true,
    // Otherwise the brackets around an expression belong to nobody.
    preserveParens: true,
    allowHashBang: true,
    allowAwaitOutsideFunction: true,
    allowImportExportEverywhere: true,
  })
  return new CellRewriter(source, importMeta).rewrite(program)
}

class CellRewriter {
  readonly #source: string
  readonly #importMeta: string
  readonly #edits: Edit[] = []
  readonly #imports: CellImport[] = []
  readonly #functions: CellFunction[] = []
  readonly #names = new Set<string>()
  readonly #vars = new Set<string>()
  #isAsync = false

  constructor(source: string, importMeta: string) {
    this.#source = source
    this.#importMeta = importMeta
  }

  rewrite(program: acorn.Program): RewrittenCell {
    const first = program.body[0]
    const isStrict = first?.type === 'ExpressionStatement' && first.directive === 'use strict'
    for (const statement of program.body) this.#topLevel(statement)
    for (const statement of program.body) this.#walk(statement, 0)
    if (this.#isAsync) this.#returnLast(program.body.findLast(statement => !leavesNothing(statement)))
    return {
      code: this.#apply(),
      imports: this.#imports,
      functions: this.#functions,
      names: [...this.#names],
      vars: [...this.#vars],
      isStrict,
      isAsync: this.#isAsync,
    }
  }

  #topLevel(statement: acorn.Statement | acorn.ModuleDeclaration): void {
    switch (statement.type) {
      case 'ImportDeclaration':
        this.#import(statement)
        return
      case 'ExportNamedDeclaration':
        if (statement.declaration) this.#unexport(statement, statement.declaration)
        else this.#reexport(statement)
        return
      case 'ExportDefaultDeclaration':
        this.#exportDefault(statement)
        return
      case 'ExportAllDeclaration':
        this.#reexport(statement)
        return
      case 'FunctionDeclaration':
        this.#hoist(statement as acorn.FunctionDeclaration)
        return
      case 'ClassDeclaration':
        this.#declareName(statement.id)
        this.#edit(statement.start, statement.start, `void (${statement.id.name} = `)
        this.#edit(statement.end, statement.end, ');')
        return
      case 'VariableDeclaration':
        if (statement.kind !== 'var') this.#assignments(statement, 'void (', ');')
    }
  }

  #import(declaration: acorn.ImportDeclaration): void {
    const bindings = declaration.specifiers.map((specifier): [string, string] => {
      checkName(specifier.local)
      if (specifier.type === 'ImportDefaultSpecifier') return [specifier.local.name, 'default']
      if (specifier.type === 'ImportNamespaceSpecifier') return [specifier.local.name, '*']
      return [specifier.local.name, nameOf(specifier.imported)]
    })
    this.#addImport(declaration.source, declaration.attributes, bindings)
    this.#blank(declaration.start, declaration.end)
  }

  #addImport(source: acorn.Literal, attributes: acorn.ImportAttribute[], bindings: [string, string][]): void {
    const pairs = attributes.map(attribute => [nameOf(attribute.key), String(attribute.value.value)])
    this.#imports.push({ specifier: String(source.value), attributes: Object.fromEntries(pairs), bindings })
  }

  /** `export` means nothing here, so that a module's file can be run as it is. */
  #unexport(statement: acorn.ExportNamedDeclaration, declaration: acorn.Declaration): void {
    this.#blank(statement.start, declaration.start)
    this.#topLevel(declaration)
  }

  #reexport(statement: acorn.ExportNamedDeclaration | acorn.ExportAllDeclaration): void {
    if (statement.source) this.#addImport(statement.source, statement.attributes, [])
    this.#blank(statement.start, statement.end)
  }

  #exportDefault(statement: acorn.ExportDefaultDeclaration): void {
    const { declaration } = statement
    this.#blank(statement.start, declaration.start)
    const isNamed = 'id' in declaration && declaration.id !== null
    if (isNamed && (declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration')) {
      this.#topLevel(declaration as acorn.FunctionDeclaration)
      return
    }
    this.#edit(declaration.start, declaration.start, '(')
    this.#edit(declaration.end, declaration.end, ');')
  }

  #hoist(declaration: acorn.FunctionDeclaration): void {
    this.#declareName(declaration.id)
    const { name } = declaration.id
    const { line, column } = declaration.loc!.start
    const prefix = `${name} = `
    this.#functions.push({
      name,
      source:
        prefix +
        this.#source.slice(declaration.start, declaration.end).replaceAll('import.meta', this.#importMeta),
      lineOffset: line - 1,
      columnOffset: column - prefix.length,
    })
    this.#blank(declaration.start, declaration.end)
  }

  /** `const a = 1, { b } = c` becomes `void (a = 1, { b } = c);`. */
  #assignments(declaration: acorn.VariableDeclaration, before: string, after: string): void {
    for (const { id, init } of declaration.declarations) {
      this.#declarePattern(id)
      // A repeated `let x` empties x.
      if (!init) this.#edit(id.end, id.end, ' = void 0')
    }
    this.#edit(declaration.start, declaration.start + declaration.kind.length, before)
    const last = declaration.declarations.at(-1)!
    this.#edit(last.end, last.end, after)
  }

  /** `var` belongs to the whole cell wherever it stands; one without a value changes nothing. */
  #var(declaration: acorn.VariableDeclaration, isLoopHead: boolean): void {
    const keywordEnd = declaration.start + declaration.kind.length
    for (const { id } of declaration.declarations) this.#declarePattern(id, this.#vars)
    if (declaration.declarations.every(({ init }) => !init) && !isLoopHead) {
      this.#blank(declaration.start, declaration.end)
      return
    }
    this.#edit(declaration.start, keywordEnd, isLoopHead ? '' : 'void (')
    const last = declaration.declarations.at(-1)!
    if (!isLoopHead) this.#edit(last.end, last.end, ');')
  }

  #declarePattern(pattern: acorn.Pattern, into?: Set<string>): void {
    switch (pattern.type) {
      case 'Identifier':
        this.#declareName(pattern)
        into?.add(pattern.name)
        return
      case 'ObjectPattern':
        for (const property of pattern.properties)
          this.#declarePattern(property.type === 'RestElement' ? property.argument : property.value, into)
        return
      case 'ArrayPattern':
        for (const element of pattern.elements) if (element) this.#declarePattern(element, into)
        return
      case 'RestElement':
        this.#declarePattern(pattern.argument, into)
        return
      case 'AssignmentPattern':
        this.#declarePattern(pattern.left, into)
    }
  }

  #declareName(id: acorn.Identifier): void {
    checkName(id)
    this.#names.add(id.name)
  }

  /** Looks through everything for what must be rewritten wherever it stands. `depth` counts functions around. */
  #walk(node: Node, depth: number): void {
    switch (node.type) {
      case 'MetaProperty':
        if (node.meta.name === 'import') this.#edit(node.start, node.end, this.#importMeta)
        return
      case 'AwaitExpression':
        if (depth === 0) this.#isAsync = true
        break
      case 'ForOfStatement':
        if (depth === 0 && node.await) this.#isAsync = true
        break
      case 'VariableDeclaration':
        if (depth === 0 && node.kind === 'var') this.#var(node, false)
        break
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
      case 'PropertyDefinition':
      case 'StaticBlock':
        for (const child of childrenOf(node)) this.#walk(child, depth + 1)
        return
    }
    for (const child of childrenOf(node)) {
      if (
        depth === 0 &&
        child.type === 'VariableDeclaration' &&
        child.kind === 'var' &&
        isLoopHead(node, child)
      ) {
        this.#var(child, true)
        for (const declarator of child.declarations) this.#walk(declarator, depth)
      } else this.#walk(child, depth)
    }
  }

  #returnLast(last: acorn.Statement | acorn.ModuleDeclaration | undefined): void {
    if (last?.type !== 'ExpressionStatement') return
    this.#edit(last.expression.start, last.expression.start, 'return (')
    this.#edit(last.expression.end, last.expression.end, ')')
  }

  #edit(start: number, end: number, text: string): void {
    this.#edits.push({ start, end, text })
  }

  /** Blanks a piece out, keeping its line breaks. */
  #blank(start: number, end: number): void {
    this.#edit(start, end, this.#source.slice(start, end).replace(/[^\n\r\u2028\u2029]/g, ' '))
  }

  #apply(): string {
    // Edits at one place keep the order in which they were made; what lies within a blanked piece is gone with it.
    const edits = this.#edits
      .map((edit, order) => ({ ...edit, order }))
      .sort((a, b) => a.start - b.start || a.order - b.order)
    let code = ''
    let at = 0
    for (const { start, end, text } of edits) {
      if (start < at) continue
      code += this.#source.slice(at, start) + text
      at = end
    }
    return code + this.#source.slice(at)
  }
}

function checkName(id: acorn.Identifier): void {
  if (!isConstant(id.name)) return
  const { line, column } = id.loc!.start
  const message = `${id.name} cannot be declared: choose another name (${line}:${column})`
  throw Object.assign(new SyntaxError(message), { pos: id.start, loc: id.loc!.start })
}

/** Whether nothing of a statement is left in the rewritten cell. */
function leavesNothing(statement: acorn.Statement | acorn.ModuleDeclaration): boolean {
  switch (statement.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'FunctionDeclaration':
    case 'EmptyStatement':
      return true
    case 'ExportNamedDeclaration':
      return !statement.declaration
    default:
      return false
  }
}

function isLoopHead(parent: Node, child: Node): boolean {
  if (parent.type === 'ForStatement') return parent.init === child
  return (parent.type === 'ForInStatement' || parent.type === 'ForOfStatement') && parent.left === child
}

function nameOf(node: acorn.Identifier | acorn.Literal): string {
  return node.type === 'Identifier' ? node.name : String(node.value)
}

function* childrenOf(node: Node): Generator<Node> {
  for (const value of Object.values(node) as unknown[]) {
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) yield item
    } else if (isNode(value)) yield value
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

/**
 * Free names of a function: what it refers to and does not itself declare. Scopes are closed from the inside out:
 * when one ends, the names it does not declare become those of the one around it, so hoisting needs no second pass.
 */

import type { AnyNode, Class, Function as FunctionNode, Identifier } from 'acorn'
import { childrenOf } from './function-text.ts'

export interface FreeName {
  readonly name: string
  /** It is assigned to, not only read. */
  assigned: boolean
  /** It is needed while a class is being defined, not only when its methods run. */
  eager: boolean
  /** The members it is used for, when it is used for nothing else: `fs` of `fs.readFileSync()`. */
  members: Set<string> | undefined
  /** Each place in the text. */
  readonly uses: NameUse[]
}

/** A part of the text. */
export interface Range {
  readonly start: number
  readonly end: number
}

export interface NameUse extends Range {
  /** `{ name }`, or `name()`: what replaces it must be more than an expression. */
  readonly as: 'value' | 'shorthand' | 'callee'
}

export interface FreeNames {
  readonly names: FreeName[]
  /** An arrow function that uses the `this`, `arguments`, `super` or `new.target` of the function around it. */
  readonly outer: ReadonlySet<'this' | 'arguments' | 'super' | 'new.target'>
  /** `import.meta` expressions. */
  readonly metas: readonly Range[]
  /** The `import` of `import(…)` expressions. */
  readonly imports: readonly Range[]
  /** A class has #private members of its instances. */
  readonly hasPrivate: boolean
}

/** Length of the keyword. */
const IMPORT_CHARS = 6
/** What vite, and vitest with it, makes of `import(…)` and `import.meta`. */
const VITE_IMPORT = '__vite_ssr_dynamic_import__'
const VITE_META = '__vite_ssr_import_meta__'

class Scope {
  readonly declared = new Set<string>()
  readonly used = new Map<string, FreeName>()
  readonly isFunction: boolean
  constructor(isFunction: boolean) {
    this.isFunction = isFunction
  }
}

type Outer = 'this' | 'arguments' | 'super' | 'new.target'

class Walker {
  readonly outer = new Set<Outer>()
  readonly metas: Range[] = []
  readonly imports: Range[] = []
  hasPrivate = false
  #root: AnyNode | undefined
  readonly #shorthands = new Set<unknown>()
  readonly #scopes: Scope[] = [new Scope(true)]
  /** How many functions that have a `this` of their own are around. */
  #thisDepth = 0
  /** How many functions are around, of any kind. */
  #functionDepth = 0

  names(): FreeName[] {
    return [...this.#scopes[0]!.used.values()].filter(use => !this.#scopes[0]!.declared.has(use.name))
  }

  walk(node: AnyNode): void {
    switch (node.type) {
      case 'Identifier':
        this.#use(node)
        return
      case 'MemberExpression':
        this.#member(node)
        return
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        this.#function(node)
        return
      case 'ClassDeclaration':
      case 'ClassExpression':
        this.#class(node)
        return
      case 'VariableDeclaration': {
        for (const { id, init } of node.declarations) {
          this.#declare(id as AnyNode, node.kind === 'var')
          if (init != null) this.walk(init as AnyNode)
        }
        return
      }
      case 'AssignmentExpression':
        this.#assign(node.left as AnyNode, node.operator !== '=')
        this.walk(node.right as AnyNode)
        return
      case 'UpdateExpression':
        this.#assign(node.argument as AnyNode, true)
        return
      case 'ForInStatement':
      case 'ForOfStatement':
        this.#scoped(() => {
          if (node.left.type === 'VariableDeclaration') this.walk(node.left as AnyNode)
          else this.#assign(node.left as AnyNode, false)
          this.walk(node.right as AnyNode)
          this.walk(node.body as AnyNode)
        })
        return
      case 'ForStatement':
      case 'BlockStatement':
      case 'SwitchStatement':
        this.#scoped(() => this.#children(node))
        return
      case 'CatchClause':
        this.#scoped(() => {
          if (node.param != null) this.#declare(node.param as AnyNode, false)
          this.walk(node.body as AnyNode)
        })
        return
      case 'CallExpression':
        if (node.callee.type === 'Identifier') this.#use(node.callee, { as: 'callee' })
        else this.walk(node.callee as AnyNode)
        for (const argument of node.arguments) this.walk(argument as AnyNode)
        return
      case 'Property':
        if (node.computed) this.walk(node.key as AnyNode)
        if (node.shorthand) this.#shorthands.add(node.value)
        this.walk(node.value as AnyNode)
        return
      case 'LabeledStatement':
        this.walk(node.body as AnyNode)
        return
      case 'BreakStatement':
      case 'ContinueStatement':
        return
      case 'ThisExpression':
        if (this.#thisDepth === 0) this.outer.add('this')
        return
      case 'Super':
        if (this.#thisDepth === 0) this.outer.add('super')
        return
      case 'MetaProperty':
        this.#meta(node)
        return
      case 'ImportExpression':
        this.imports.push({ start: node.start, end: node.start + IMPORT_CHARS })
        this.#children(node)
        return
      default:
        this.#children(node)
        return
    }
  }

  /** The root itself: a method's `super` belongs to an object that stays behind. */
  root(node: AnyNode, isMethod: boolean): void {
    // What it extends is known without looking: it is the prototype of the class.
    this.#root = node
    if (isMethod && containsSuper(node)) this.outer.add('super')
    this.walk(node)
  }

  #children(node: AnyNode): void {
    for (const child of childrenOf(node)) this.walk(child)
  }

  #scoped(body: () => void, isFunction = false): void {
    this.#scopes.push(new Scope(isFunction))
    body()
    const ended = this.#scopes.pop()!
    const around = this.#scopes.at(-1)!
    for (const [name, use] of ended.used) {
      if (ended.declared.has(name)) continue
      const known = around.used.get(name)
      if (known === undefined) around.used.set(name, use)
      else {
        known.assigned ||= use.assigned
        known.eager ||= use.eager
        known.members = union(known.members, use.members)
        known.uses.push(...use.uses)
      }
    }
  }

  #use(id: Identifier, how: { assigned?: boolean; member?: string; as?: NameUse['as'] } = {}): void {
    const { name, start, end } = id
    if (name === VITE_IMPORT || name === VITE_META) {
      const found = name === VITE_IMPORT ? this.imports : this.metas
      found.push({ start, end })
      return
    }
    const use: NameUse = { start, end, as: how.as ?? (this.#shorthands.has(id) ? 'shorthand' : 'value') }
    if (name === 'arguments' && this.#thisDepth > 0) return
    if (name === 'arguments') this.outer.add('arguments')
    const scope = this.#scopes.at(-1)!
    const members = how.member === undefined ? undefined : new Set([how.member])
    const known = scope.used.get(name)
    const eager = this.#functionDepth === 0
    if (known === undefined)
      scope.used.set(name, { name, assigned: how.assigned === true, eager, members, uses: [use] })
    else {
      known.assigned ||= how.assigned === true
      known.eager ||= eager
      known.members = union(known.members, members)
      known.uses.push(use)
    }
  }

  #member(node: Extract<AnyNode, { type: 'MemberExpression' }>): void {
    const { object, property, computed } = node
    if (object.type === 'Identifier' && !computed && property.type === 'Identifier') {
      this.#use(object, { member: property.name })
      return
    }
    this.walk(object as AnyNode)
    if (computed) this.walk(property as AnyNode)
  }

  #function(node: FunctionNode): void {
    const isArrow = node.type === 'ArrowFunctionExpression'
    if (node.type === 'FunctionDeclaration' && node.id != null) this.#declare(node.id, false)
    if (!isArrow) this.#thisDepth += 1
    this.#functionDepth += 1
    this.#scoped(() => {
      if (node.type === 'FunctionExpression' && node.id != null) this.#declare(node.id, false)
      for (const parameter of node.params) this.#declare(parameter as AnyNode, false)
      this.walk(node.body as AnyNode)
    }, true)
    this.#functionDepth -= 1
    if (!isArrow) this.#thisDepth -= 1
  }

  #class(node: Class): void {
    if (node.type === 'ClassDeclaration' && node.id != null) this.#declare(node.id, false)
    this.#scoped(() => {
      if (node.id != null) this.#declare(node.id, false)
      if (node.superClass != null && node !== this.#root) this.walk(node.superClass as AnyNode)
      for (const member of node.body.body) this.#classMember(member as AnyNode)
    })
  }

  #classMember(member: AnyNode): void {
    if (member.type === 'StaticBlock') {
      if (isNameBlock(member)) return
      this.#thisDepth += 1
      this.#scoped(() => this.#children(member), true)
      this.#thisDepth -= 1
      return
    }
    if (member.type !== 'MethodDefinition' && member.type !== 'PropertyDefinition') {
      this.walk(member)
      return
    }
    if (member.key.type === 'PrivateIdentifier' && !member.static) this.hasPrivate = true
    if (member.computed) this.walk(member.key as AnyNode)
    if (member.value == null) return
    // The initial value of a field is worked out as if in a method: with its own `this`, and later unless static.
    this.#thisDepth += 1
    if (!member.static) this.#functionDepth += 1
    this.walk(member.value as AnyNode)
    if (!member.static) this.#functionDepth -= 1
    this.#thisDepth -= 1
  }

  #declare(pattern: AnyNode, isVar: boolean): void {
    this.#pattern(pattern, id => {
      let at = this.#scopes.length - 1
      if (isVar) while (!this.#scopes[at]!.isFunction) at -= 1
      this.#scopes[at]!.declared.add(id.name)
    })
  }

  #assign(pattern: AnyNode, alsoRead: boolean): void {
    if (alsoRead && pattern.type !== 'Identifier') {
      this.walk(pattern)
      return
    }
    this.#pattern(pattern, id => this.#use(id, { assigned: true }))
  }

  /** Calls `onName` for each name that a pattern binds, and walks the expressions in it. */
  #pattern(pattern: AnyNode, onName: (id: Identifier) => void): void {
    switch (pattern.type) {
      case 'Identifier':
        onName(pattern)
        return
      case 'ObjectPattern':
        for (const property of pattern.properties) {
          if (property.type === 'RestElement') this.#pattern(property.argument as AnyNode, onName)
          else {
            if (property.computed) this.walk(property.key as AnyNode)
            const { value } = property
            if (property.shorthand)
              this.#shorthands.add(value.type === 'AssignmentPattern' ? value.left : value)
            this.#pattern(property.value as AnyNode, onName)
          }
        }
        return
      case 'ArrayPattern':
        for (const element of pattern.elements)
          if (element !== null) this.#pattern(element as AnyNode, onName)
        return
      case 'RestElement':
        this.#pattern(pattern.argument as AnyNode, onName)
        return
      case 'AssignmentPattern':
        this.#pattern(pattern.left as AnyNode, onName)
        this.walk(pattern.right as AnyNode)
        return
      default:
        this.walk(pattern)
        return
    }
  }

  #meta(node: Extract<AnyNode, { type: 'MetaProperty' }>): void {
    if (node.meta.name === 'import') this.metas.push(node)
    else if (this.#thisDepth === 0) this.outer.add('new.target')
  }
}

function union(left: Set<string> | undefined, right: Set<string> | undefined): Set<string> | undefined {
  return left === undefined || right === undefined ? undefined : new Set([...left, ...right])
}

/** Whether a method uses the `super` of its own object. */
function containsSuper(node: AnyNode): boolean {
  return childrenOf(node).some(
    child =>
      child.type === 'Super' ||
      (child.type !== 'ClassExpression' && child.type !== 'ClassDeclaration' && containsSuper(child)),
  )
}

/** What esbuild puts into classes to keep their names: we keep them ourselves. */
export function isNameBlock(member: AnyNode): boolean {
  if (member.type !== 'StaticBlock' || member.body.length !== 1) return false
  const statement = member.body[0]!
  if (statement.type !== 'ExpressionStatement' || statement.expression.type !== 'CallExpression') return false
  const { callee, arguments: args } = statement.expression
  return callee.type === 'Identifier' && callee.name === '__name' && args[0]?.type === 'ThisExpression'
}

/** @param isMethod - the function is a method taken out of its object or class. */
export function freeNames(node: AnyNode, isMethod = false): FreeNames {
  const walker = new Walker()
  walker.root(node, isMethod)
  const { outer, metas, imports, hasPrivate } = walker
  return { names: walker.names(), outer, metas, imports, hasPrivate }
}

/** Which variables of a script ever change after they were declared. */

import type { AnyNode } from 'acorn'
import { childrenOf } from './function-text.ts'
import type { Script } from './inspector.ts'
import { LruMap } from './lru-map.ts'
import { parser } from './parser.ts'

export interface ScriptNames {
  /** Names that are assigned to anywhere in the script, whichever variable of that name is meant. */
  readonly assigned: ReadonlySet<string>
  /** Names that are imported: another module may assign to them. */
  readonly imported: ReadonlySet<string>
}

const SCRIPTS_MAX = 64
/** Bundles larger than this are not parsed: every variable of theirs counts as changing. */
const PARSED_CHARS_MAX = 2_000_000
const known = new LruMap<string, ScriptNames | 'unknown'>(SCRIPTS_MAX)

/** @returns undefined when the script cannot be read: then any name may change. */
export function scriptNames(script: Script | undefined): ScriptNames | undefined {
  if (script === undefined || script.source === '' || script.source.length > PARSED_CHARS_MAX)
    return undefined
  let names = known.get(script.source)
  if (names === undefined) {
    names = read(script) ?? 'unknown'
    known.set(script.source, names)
  }
  return names === 'unknown' ? undefined : names
}

function read({ source, isModule }: Script): ScriptNames | undefined {
  try {
    const program = parser().parse(source, {
      ecmaVersion: 'latest',
      sourceType: isModule ? 'module' : 'script',
      allowHashBang: true,
      // CommonJS is compiled as the body of a function.
      allowReturnOutsideFunction: true,
      allowAwaitOutsideFunction: true,
    })
    const collector = new Collector()
    collector.walk(program)
    return collector
  } catch {
    return undefined
  }
}

class Collector implements ScriptNames {
  readonly assigned = new Set<string>()
  readonly imported = new Set<string>()
  readonly #vars = new Set<string>()

  walk(node: AnyNode): void {
    if (node.type === 'AssignmentExpression') this.#assign(node.left as AnyNode)
    else if (node.type === 'UpdateExpression') this.#assign(node.argument as AnyNode)
    else if (node.type === 'ForInStatement' || node.type === 'ForOfStatement')
      this.#loop(node.left as AnyNode)
    else if (node.type === 'ImportDeclaration')
      for (const each of node.specifiers) this.imported.add(each.local.name)
    else if (node.type === 'VariableDeclaration' && node.kind === 'var') this.#declareVar(node)
    for (const child of childrenOf(node)) this.walk(child)
  }

  #loop(left: AnyNode): void {
    if (left.type !== 'VariableDeclaration') this.#assign(left)
    else if (left.kind === 'var') for (const { id } of left.declarations) this.#assign(id as AnyNode)
  }

  /** A `var` may be declared, and so assigned, again and again. */
  #declareVar(node: Extract<AnyNode, { type: 'VariableDeclaration' }>): void {
    for (const { id } of node.declarations) {
      if (id.type !== 'Identifier' || this.#vars.has(id.name)) this.#assign(id as AnyNode)
      else this.#vars.add(id.name)
    }
  }

  #assign(pattern: AnyNode): void {
    if (pattern.type === 'Identifier') this.assigned.add(pattern.name)
    else if (pattern.type === 'ObjectPattern')
      for (const property of pattern.properties)
        this.#assign((property.type === 'RestElement' ? property.argument : property.value) as AnyNode)
    else if (pattern.type === 'ArrayPattern') {
      for (const element of pattern.elements) if (element !== null) this.#assign(element as AnyNode)
    } else if (pattern.type === 'AssignmentPattern') this.#assign(pattern.left as AnyNode)
    else if (pattern.type === 'RestElement') this.#assign(pattern.argument as AnyNode)
  }
}

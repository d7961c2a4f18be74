import type { AnyNode, Expression } from 'acorn'
import type { AnyFunction } from './callee.ts'
import { parser } from './parser.ts'

const functionToString = Function.prototype.toString

export function textOf(fn: AnyFunction): string {
  return functionToString.call(fn)
}

/** Whether the function is built in or bound: its text is not its source. */
export function isNativeText(fn: AnyFunction): boolean {
  return textOf(fn).endsWith('{ [native code] }')
}

/** A function's text as an expression that can be parsed and evaluated. */
export interface FunctionSource {
  readonly text: string
  /**
   * - `expression`: a function, arrow or class, as it is;
   * - `method`: a method, getter or setter: it stands only inside an object literal.
   */
  readonly form: 'expression' | 'method'
  /** The function or class, with positions in `text`. */
  readonly node: AnyNode
  /** For a method: its key, which may be computed from variables, and is replaced. */
  readonly key?: { readonly start: number; readonly end: number }
  readonly accessor?: 'get' | 'set'
}

/** Parses a function's own text. @throws SyntaxError when it is neither an expression nor a method. */
export function parseFunction(text: string): FunctionSource {
  try {
    return { text, form: 'expression', node: parseWhole(`(${text}\n)`, 1) }
  } catch {
    return parseMethod(text)
  }
}

function parseMethod(text: string): FunctionSource {
  const before = '({'
  const object = parseWhole(`${before}${text}\n})`, before.length) as Expression
  const property = object.type === 'ObjectExpression' ? object.properties[0] : undefined
  if (property?.type !== 'Property') throw new SyntaxError('not a method')
  const { key, computed, kind } = property
  const start = computed ? text.lastIndexOf('[', key.start) : key.start
  const end = computed ? text.indexOf(']', key.end) + 1 : key.end
  const source = { text, form: 'method' as const, node: property.value as AnyNode, key: { start, end } }
  return kind === 'init' ? source : { ...source, accessor: kind }
}

/** Parses an expression of which `before` characters are ours, so that positions are those of the text itself. */
function parseWhole(text: string, before: number): AnyNode {
  const node = parser().parseExpressionAt(text, 0, {
    ecmaVersion: 'latest',
    sourceType: 'module',
    allowAwaitOutsideFunction: false,
    allowHashBang: false,
  }) as AnyNode
  if (text.slice(node.end).replace(/[)}\s]/g, '') !== '') throw new SyntaxError('more than one expression')
  shift(node, before)
  return node
}

function shift(node: AnyNode, by: number): void {
  for (const child of childrenOf(node)) shift(child, by)
  node.start -= by
  node.end -= by
}

/** Nodes directly below. */
export function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = []
  for (const value of Object.values(node)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (typeof each === 'object' && each !== null && typeof (each as AnyNode).type === 'string')
        children.push(each as AnyNode)
    }
  }
  return children
}

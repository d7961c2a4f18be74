import type { AnyNode, Class } from 'acorn'
import { RemoteProtocolError, SerializationError } from '../errors.ts'
import type { DefinitionFields } from './definition.ts'
import { childrenOf, parseFunction } from './function-text.ts'

/**
 * Refuses definitions that would run code while they are evaluated: a reply is read, not obeyed. Functions never do;
 * classes do in static blocks, static fields, computed keys and what they extend.
 *
 * @throws SerializationError for a class that does.
 * @throws RemoteProtocolError for text that is no function at all.
 */
export function checkInert(fields: DefinitionFields): void {
  let node: AnyNode
  try {
    const source = parseFunction(fields.source)
    if (
      source.form !== fields.form ||
      (source.key !== undefined && fields.source.charAt(source.key.start) === '[')
    )
      throw new SyntaxError('it is something else')
    node = source.node
  } catch (cause) {
    throw new RemoteProtocolError('a payload holds a function whose text is none', { cause })
  }
  const isFunction = node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression'
  if (isFunction) return
  if (node.type === 'ClassExpression' && isInertClass(node)) return
  if (node.type !== 'ClassExpression')
    throw new RemoteProtocolError('a payload holds a function that is none')
  throw new SerializationError(
    `the result holds the class ${fields.name}, whose definition runs code (a static block or field, a computed key). ` +
      'Return data instead of its instances, or define the class in this program and send it along.',
  )
}

function isInertClass(node: Class): boolean {
  if (node.superClass != null && node.superClass.type !== 'Identifier') return false
  return node.body.body.every(member => {
    if (member.type === 'StaticBlock') return false
    if (member.computed && !isInert(member.key as AnyNode)) return false
    if (member.type === 'MethodDefinition' || !member.static) return true
    return member.value == null || isInert(member.value as AnyNode)
  })
}

const INERT = new Set<AnyNode['type']>([
  'Literal',
  'TemplateElement',
  'ArrayExpression',
  'ObjectExpression',
  'UnaryExpression',
  'FunctionExpression',
  'ArrowFunctionExpression',
])

function isInert(node: AnyNode): boolean {
  if (node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression') return true
  if (node.type === 'Property') return !node.computed && isInert(node.value as AnyNode)
  // Well-known symbols, as keys.
  if (node.type === 'MemberExpression')
    return node.object.type === 'Identifier' && node.object.name === 'Symbol' && !node.computed
  return INERT.has(node.type) && childrenOf(node).every(isInert)
}

import { UsageError } from '../../errors.ts'
import { Reference } from '../callee.ts'
import { PythonGlobal } from './nodes.ts'

/**
 * A Python function, as a view takes it: it runs on Python engines and nowhere else.
 *
 * @example
 * await view.apply(norm.with({ axis: 1 }), grid)
 */
export interface PythonFunction<Value = unknown> {
  (...args: unknown[]): Value
  /** The same function, given these keyword arguments too. */
  with(keywords: Readonly<Record<string, unknown>>): PythonFunction<Value>
}

/** What a PythonFunction stands for. */
export interface PythonCallee {
  /** A function of a module, or an expression that the engine evaluates in its namespace. */
  readonly callee: PythonGlobal | Reference
  readonly keywords: Readonly<Record<string, unknown>>
  /** For messages. */
  readonly title: string
}

const callees = new WeakMap<object, PythonCallee>()

/** What `fn` stands for, if it is a PythonFunction. */
export function pythonCallee(fn: unknown): PythonCallee | undefined {
  return typeof fn === 'function' ? callees.get(fn) : undefined
}

const PATH = /^(?<module>[\p{ID_Start}_][\p{ID_Continue}.]*):(?<name>[\p{ID_Start}_][\p{ID_Continue}.]*)$/u

/** The last function that a piece of source defines at its top level. */
const DEFINITION = /^(?:async[ \t]+)?def[ \t]+(?<name>[\p{ID_Start}_]\p{ID_Continue}*)/gmu

function named<Value = unknown>(path: string): PythonFunction<Value> {
  const parts = PATH.exec(path)?.groups
  if (parts === undefined)
    throw new UsageError(
      `${JSON.stringify(path)} names no Python function: write module and name with a colon between them, such as python('numpy.linalg:norm') or python('builtins:len')`,
    )
  return wrap({ callee: new PythonGlobal(parts.module!, parts.name!), keywords: {}, title: path })
}

function source<Value = unknown>(code: string, name?: string): PythonFunction<Value> {
  const text = dedent(code)
  const defined = [...text.matchAll(DEFINITION)].at(-1)?.groups?.name
  const wanted = name ?? defined
  if (text.trim() === '') throw new UsageError('python.source needs the text of a function')
  // Parentheses let an expression go over several lines.
  const expression = wanted === undefined ? `(${text}\n)` : definition(text, wanted)
  return wrap({ callee: new Reference(expression), keywords: {}, title: wanted ?? 'lambda' })
}

/**
 * Names a function of a Python module: `python('numpy.linalg:norm')`. The engine imports the module when it runs it.
 *
 * `python.source(code)` makes one of source text: a `def`, which may have imports and helpers around it (of several,
 * the last is meant, or the one called `name`), or an expression such as `'lambda x: x + 1'`. It sees the names of the
 * engine's namespace; what its own text defines does not stay there.
 *
 * The result has the type of a function, so that every call of a view takes it, and `Value` is what it will give. Called
 * here, it throws.
 *
 * @throws UsageError for a path without a colon, or an empty text.
 * @example
 * const norm = python<number>('numpy.linalg:norm')
 * await view.apply(norm, new Float64Array([3, 4]))                       // [5, 5, 5, 5]
 * await view.map(python.source<number>('def f(x): return x * x'), [1, 2, 3])
 */
export const python = Object.assign(named, { source })

function wrap<Value>(callee: PythonCallee): PythonFunction<Value> {
  const fn = (): never => {
    throw new UsageError(
      `${callee.title} is a Python function, and this is JavaScript: call it on engines, with view.apply(fn, …) or view.map(fn, …)`,
    )
  }
  const extended = Object.assign(fn, {
    with: (keywords: Readonly<Record<string, unknown>>) =>
      wrap<Value>({ ...callee, keywords: { ...callee.keywords, ...keywords } }),
  })
  callees.set(extended, callee)
  return extended
}

/**
 * An expression for a function that is defined by statements. They run in a copy of the namespace: the function sees
 * the engine's names and its own helpers and leaves nothing behind. JSON's text is Python's as well.
 */
function definition(code: string, name: string): string {
  const [text, wanted] = [JSON.stringify(code), JSON.stringify(name)]
  // The user may have names of his own that are called `exec` or `dict`.
  return `(lambda b: (lambda g: (b.exec(${text}, g), g[${wanted}])[1])(b.dict(b.globals())))(__import__('builtins'))`
}

/** Source that stands indented in a template literal. */
function dedent(code: string): string {
  const lines = code.split('\n')
  const indents = lines.filter(line => line.trim() !== '').map(line => /^[ \t]*/.exec(line)![0].length)
  const indent = Math.min(...indents)
  return indent === 0 || indents.length === 0 ? code : lines.map(line => line.slice(indent)).join('\n')
}

import { createRequire } from 'node:module'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import vm from 'node:vm'
import type { MaybePromise, Realm, SourcePosition } from '../serialize/payload.ts'
import type { Namespace } from './namespace.ts'
import type { CellImport, RewrittenCell } from './rewrite-cell.ts'
import { cleanStack } from './user-stack.ts'

/** Source that holds none of these needs no rewriting, and so no parser. */
const NEEDS_REWRITING = /\b(?:let|const|var|class|function|import|export|await)\b/

/** Cells whose line tables are kept for stack traces. */
const MAPS_MAX = 1000

const ASYNC_HEAD = '(async () => {'
const ASYNC_TAIL = '\n})()'
const META = '__itsparallelMeta'

type Importer = (specifier: string, options?: { with: Readonly<Record<string, string>> }) => Promise<object>

/**
 * Runs source text at the engine's top level, where everything that it declares lasts. Names end up in the namespace,
 * whatever declared them: a cell, `push`, or an import.
 */
export class Evaluator {
  readonly #namespace: Namespace
  readonly #maps = new Map<string, import('node:module').SourceMap>()
  #rewrite: typeof import('./rewrite-cell.ts') | undefined
  #import: Importer | undefined

  constructor(namespace: Namespace) {
    this.#namespace = namespace
    defineHelpers()
  }

  /**
   * Runs a cell.
   *
   * @param filename - how stack traces name it, such as `<execute 3>` or the path of a file.
   * @returns its completion value: a promise when it imports, or awaits at top level.
   * @throws SyntaxError with the position; what the cell throws.
   */
  execute(source: string, filename: string): MaybePromise<unknown> {
    if (!NEEDS_REWRITING.test(source)) {
      const script = this.#compileOrNothing(source, filename)
      if (script !== undefined) return script.runInThisContext({ displayErrors: false })
    }
    if (this.#rewrite !== undefined) return this.#run(this.#parse(source, filename, this.#rewrite), filename)
    return import('./rewrite-cell.ts').then(rewrite => {
      this.#rewrite = rewrite
      return this.#run(this.#parse(source, filename, rewrite), filename)
    })
  }

  /** Evaluates an expression in the global scope: the functions that arrive in payloads. */
  evaluate(source: string, position?: SourcePosition): unknown {
    return this.#compile(source, position ?? { filename: '<apply>' }).runInThisContext({
      displayErrors: false,
    })
  }

  /** Imports a module, from the engine's working directory where the specifier is relative or bare. */
  import(specifier: string, attributes: Readonly<Record<string, string>> = {}): Promise<object> {
    this.#import ??= compile('(specifier, options) => import(specifier, options)', {
      filename: '<import>',
    }).runInThisContext() as Importer
    const hasAttributes = Object.keys(attributes).length > 0
    if (hasAttributes) return this.#import(specifier, { with: attributes })
    // What TypeScript allows without saying so, Node wants said.
    return /^[^?#]+\.json$/.test(specifier)
      ? this.#import(specifier, { with: { type: 'json' } })
      : this.#import(specifier)
  }

  /** A stack as the user wants to see it: their frames only, at their lines. */
  cleanStack(stack: string): string {
    return cleanStack(stack, line => this.#mapPosition(line))
  }

  #parse(
    source: string,
    filename: string,
    rewrite: typeof import('./rewrite-cell.ts'),
  ): MaybePromise<RewrittenCell> {
    try {
      return rewrite.rewriteCell(source, META)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      return import('./strip-types.ts').then(({ stripTypes }) => {
        const stripped = stripTypes(source, filename)
        // The message about the text as JavaScript is the one that fits what most people write.
        if (stripped === undefined) throw withPosition(error, source, filename)
        this.#keepMap(filename, stripped.map)
        return rewrite.rewriteCell(stripped.code, META)
      })
    }
  }

  #run(parsed: MaybePromise<RewrittenCell>, filename: string): MaybePromise<unknown> {
    if (parsed instanceof Promise) return parsed.then(cell => this.#runCell(cell, filename))
    return this.#runCell(parsed, filename)
  }

  #runCell(cell: RewrittenCell, filename: string): MaybePromise<unknown> {
    if (cell.imports.length === 0) return this.#runBody(cell, filename)
    return this.#bindImports(cell.imports).then(() => this.#runBody(cell, filename))
  }

  async #bindImports(imports: readonly CellImport[]): Promise<void> {
    // All of them first: either every name is bound, or none.
    const modules = await Promise.all(
      imports.map(({ specifier, attributes }) => this.import(specifier, attributes)),
    )
    const bound: [string, unknown][] = []
    imports.forEach(({ specifier, bindings }, index) => {
      const module = modules[index] as Record<string, unknown>
      for (const [local, imported] of bindings) {
        if (imported !== '*' && !(imported in module))
          throw new SyntaxError(
            `The requested module '${specifier}' does not provide an export named '${imported}'`,
          )
        bound.push([local, imported === '*' ? module : module[imported]])
      }
    })
    for (const [local, value] of bound) this.#namespace.set(local, value)
  }

  #runBody(cell: RewrittenCell, filename: string): MaybePromise<unknown> {
    const undo = this.#namespace.declare(cell.names, new Set(cell.isStrict ? cell.names : cell.vars))
    try {
      const value = this.#runScripts(cell, filename)
      if (!(value instanceof Promise) || !cell.isAsync) return value
      return value.catch((error: unknown) => {
        undo()
        throw error
      })
    } catch (error) {
      undo()
      throw error
    }
  }

  #runScripts(cell: RewrittenCell, filename: string): unknown {
    // Compiled before anything runs, so that a cell with an error in it does nothing at all.
    const functions = cell.functions.map(({ source, lineOffset, columnOffset }) =>
      this.#compile(source, { filename, lineOffset, columnOffset }),
    )
    const body = cell.isAsync
      ? this.#compile(ASYNC_HEAD + cell.code + ASYNC_TAIL, { filename, columnOffset: -ASYNC_HEAD.length })
      : this.#compile(cell.code, { filename })
    for (const script of functions) script.runInThisContext({ displayErrors: false })
    return body.runInThisContext({ displayErrors: false })
  }

  #compile(source: string, position: Partial<SourcePosition>): vm.Script {
    const shadowed = this.#namespace.withShadows(source)
    const columnOffset = (position.columnOffset ?? 0) - shadowed.added
    return compile(shadowed.source, { ...position, columnOffset })
  }

  #compileOrNothing(source: string, filename: string): vm.Script | undefined {
    try {
      return this.#compile(source, { filename })
    } catch {
      // The parser says better what is wrong, and it may be TypeScript.
      return undefined
    }
  }

  #keepMap(filename: string, map: import('node:module').SourceMap): void {
    this.#maps.set(filename, map)
    if (this.#maps.size > MAPS_MAX) this.#maps.delete(this.#maps.keys().next().value!)
  }

  #mapPosition(line: string): string {
    if (this.#maps.size === 0) return line
    return line.replace(/(?<=\(|at )([^()]+?):(\d+):(\d+)/, (whole, filename, lineNumber, column) => {
      const entry = this.#maps.get(filename)?.findEntry(Number(lineNumber) - 1, Number(column) - 1)
      if (entry === undefined || !('originalLine' in entry)) return whole
      return `${filename}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
    })
  }
}

/** The realm in which payloads are read on an engine. */
export function engineRealm(
  evaluator: Evaluator,
  namespace: Namespace,
  operations: NonNullable<Realm['operations']>,
): Realm {
  return {
    lookup: name => namespace.lookup(name),
    evaluate: (source, position) => evaluator.evaluate(source, position),
    import: specifier => evaluator.import(specifier),
    operations,
  }
}

function compile(source: string, position: Partial<SourcePosition>): vm.Script {
  return new vm.Script(source, {
    ...position,
    // `import()` in the code then resolves from the working directory, as it does in a file there.
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
}

/** Shows the line and the place in front of the message, as V8 does. */
function withPosition(error: SyntaxError, source: string, filename: string): SyntaxError {
  const { loc } = error as SyntaxError & { loc?: { line: number; column: number } }
  const told = new SyntaxError(error.message)
  if (loc === undefined) return told
  const line = source.split(/\r?\n|[\u2028\u2029]/)[loc.line - 1] ?? ''
  const caret = `${line.slice(0, loc.column).replace(/\S/g, ' ')}^`
  told.stack = `${filename}:${loc.line}\n${line}\n${caret}\n\nSyntaxError: ${error.message}`
  return told
}

/** What a module has and a script has not, for code at top level: relative to the working directory of the moment. */
function defineHelpers(): void {
  const here = (): string => `${process.cwd()}/`
  let require: NodeJS.Require | undefined
  let requireFrom = ''
  const getters: Record<string, () => unknown> = {
    require: () => {
      if (require === undefined || requireFrom !== here()) {
        requireFrom = here()
        require = createRequire(requireFrom)
      }
      return require
    },
    __dirname: () => process.cwd(),
    __filename: () => `${here()}engine`,
    [META]: () => ({
      url: pathToFileURL(`${here()}engine`).href,
      dirname: process.cwd(),
      filename: `${here()}engine`,
    }),
  }
  for (const [name, get] of Object.entries(getters)) {
    const set = (value: unknown): void => {
      Object.defineProperty(globalThis, name, { value, writable: true, enumerable: true, configurable: true })
    }
    Object.defineProperty(globalThis, name, { get, set, enumerable: false, configurable: true })
  }
}

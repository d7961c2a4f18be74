import vm from 'node:vm'
import { UsageError } from '../errors.ts'

/** Values that look like names: no JavaScript program can give them another meaning at top level. */
const CONSTANTS: ReadonlySet<string> = new Set(['undefined', 'NaN', 'Infinity'])

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u

/** Under this name user code reaches the shadows. */
const SHADOWS = '__itsparallelNames'

const globals = globalThis as unknown as Record<string, unknown>

/**
 * The engine's lasting names. Those of the user's own making are properties of the global object, so that functions,
 * cells and plain scripts all see them as ordinary variables.
 *
 * A name that the language or Node has taken already (`setTimeout`, `process`, `Map`, …) cannot go there: the engine
 * and every library would meet it. It becomes a shadow, and only user code that mentions it is compiled inside a
 * `with` that lets it see the shadows.
 */
export class Namespace {
  /** What the global object held when the engine started, to be restored by `clear`. */
  readonly #baseline: ReadonlyMap<string, PropertyDescriptor>
  readonly #shadows: Record<string, unknown> = Object.create(null)
  /** Finds the names of shadows in source text; undefined while there are none. */
  #shadowPattern: RegExp | undefined
  /** Names that V8 lets nobody delete (`var` of a plain script), and that were forgotten all the same. */
  readonly #forgotten = new Set<string>()
  readonly #expressions = new Map<string, vm.Script>()

  constructor() {
    this.#baseline = new Map(Object.entries(Object.getOwnPropertyDescriptors(globals)))
    Object.defineProperty(globals, SHADOWS, { value: this.#shadows, configurable: true })
  }

  /**
   * The value of a name, or of any other expression in terms of names.
   *
   * @throws ReferenceError `x is not defined`; what else the expression throws.
   */
  lookup(name: string): unknown {
    if (Object.hasOwn(this.#shadows, name)) return this.#shadows[name]
    if (this.#isForgotten(name)) throw new ReferenceError(`${name} is not defined`)
    if (Object.hasOwn(globals, name)) return globals[name]
    const source = this.withShadows(`(${name}\n)`).source
    let script = this.#expressions.get(source)
    if (script === undefined) {
      script = new vm.Script(source, {
        filename: '<name>',
        importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      })
      if (this.#expressions.size >= 1000) this.#expressions.clear()
      this.#expressions.set(source, script)
    }
    return script.runInThisContext({ displayErrors: false })
  }

  /** @throws UsageError when `name` is no identifier. */
  set(name: string, value: unknown): void {
    if (!IDENTIFIER.test(name))
      throw new UsageError(`${JSON.stringify(name)} cannot be a variable: it is no JavaScript identifier`)
    if (CONSTANTS.has(name)) throw new UsageError(`${name} cannot be a variable`)
    if (this.#baseline.has(name)) this.#setShadow(name, value)
    else if (Object.getOwnPropertyDescriptor(globals, name)?.configurable === false) globals[name] = value
    else Object.defineProperty(globals, name, { value, writable: true, enumerable: true, configurable: true })
  }

  /**
   * Makes names exist that code is about to assign; those that do keep their values. Only names that a plain
   * assignment would not make are given a place, unless `all` are wanted.
   *
   * @returns takes away again the shadows that were made and never assigned: for code that failed.
   */
  declare(names: Iterable<string>, all: ReadonlySet<string>): () => void {
    const made: string[] = []
    for (const name of names) {
      if (this.#baseline.has(name)) {
        if (Object.hasOwn(this.#shadows, name)) continue
        made.push(name)
        this.#setShadow(name, undefined)
      } else if (all.has(name) && !Object.hasOwn(globals, name)) this.set(name, undefined)
    }
    return () => {
      for (const name of made) if (this.#shadows[name] === undefined) this.delete(name)
    }
  }

  /** Source that sees the shadows it mentions, and the length of what was put in front of it. */
  withShadows(source: string): { readonly source: string; readonly added: number } {
    if (this.#shadowPattern?.test(source) !== true) return { source, added: 0 }
    const head = `with (${SHADOWS}) {`
    return { source: `${head}${source}\n}`, added: head.length }
  }

  /** Forgets a name. False when it is not the user's. */
  delete(name: string): boolean {
    if (Object.hasOwn(this.#shadows, name)) {
      Reflect.deleteProperty(this.#shadows, name)
      this.#findShadows()
      return true
    }
    if (!Object.hasOwn(globals, name) || this.#baseline.has(name) || this.#isForgotten(name)) return false
    this.#forget(name)
    return true
  }

  /** The user's names, in the order in which they came. */
  names(): string[] {
    const own = Object.keys(globals).filter(name => !this.#baseline.has(name) && !this.#isForgotten(name))
    return [...own, ...Object.keys(this.#shadows)]
  }

  /** Forgets all names of the user's, and undoes what was assigned to those of Node. */
  clear(): void {
    for (const name of this.names()) this.delete(name)
    for (const [name, descriptor] of this.#baseline) {
      const now = Object.getOwnPropertyDescriptor(globals, name)
      if (now?.value !== descriptor.value || now?.get !== descriptor.get)
        Reflect.defineProperty(globals, name, descriptor)
    }
  }

  #setShadow(name: string, value: unknown): void {
    // `import process from 'node:process'` brings what is there anyway.
    if (value !== undefined && value === globals[name]) {
      this.delete(name)
      return
    }
    const isNew = !Object.hasOwn(this.#shadows, name)
    Object.defineProperty(this.#shadows, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
    if (isNew) this.#findShadows()
  }

  #findShadows(): void {
    const names = Object.keys(this.#shadows)
    this.#shadowPattern =
      names.length === 0 ? undefined : new RegExp(`(?<![\\w$])(?:${names.join('|')})(?![\\w$])`)
  }

  #forget(name: string): void {
    if (Reflect.deleteProperty(globals, name)) return
    globals[name] = undefined
    this.#forgotten.add(name)
  }

  #isForgotten(name: string): boolean {
    return this.#forgotten.size > 0 && this.#forgotten.has(name) && globals[name] === undefined
  }
}

/** Whether user code must not declare `name` at top level. */
export function isConstant(name: string): boolean {
  return CONSTANTS.has(name)
}

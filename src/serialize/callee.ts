import { UsageError } from '../errors.ts'

/** Any function at all: what travels, and what is called on an engine. */
export type AnyFunction = (...args: never[]) => unknown

/**
 * Stands for the engine's own variable of that name, as an argument, inside one, or as what is called.
 *
 * @example
 * ```ts
 * await view.push({ data: [1, 2, 3] })
 * await view.apply(xs => xs.length, new Reference('data'))
 * ```
 */
export class Reference {
  readonly name: string

  /**
   * @param name - an identifier in the engine's namespace.
   * @throws UsageError when it is empty or no text.
   */
  constructor(name: string) {
    if (typeof name !== 'string' || name === '')
      throw new UsageError(
        "a Reference needs the name of a variable on the engine, such as new Reference('x')",
      )
    this.name = name
  }
}

/** Names one of the engine's built-in operations (`push`, `pull`, `map`, …). Clients and engines agree on them. */
export class Operation {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** What a request can call. */
export type Callee = AnyFunction | Reference | Operation

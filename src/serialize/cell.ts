import type { Inspected, Scope } from './inspector.ts'

/**
 * A captured variable that somebody assigns to. Functions that share it here share a cell there: in their text, `n`
 * becomes `n.$`, and a call of it `n.get()()`, which keeps `this` as it was.
 */
export class Cell {
  $: unknown

  constructor(value: unknown) {
    this.$ = value
  }

  get(): unknown {
    return this.$
  }
}

/** Runs of one enclosing function that are looked at for a function's variables: the latest ones. */
const RUNS_SEARCHED = 16

interface Variables {
  readonly values: Readonly<Record<string, unknown>>
  readonly cells: Map<string, Cell>
  readonly functions: Set<string>
}

/**
 * Finds which functions of one payload share their variables. The inspector does not say which scopes are the same one,
 * but a module has its variables once; and of an enclosing function's run, the functions it made have each their own
 * place in the text and see the same values.
 */
export class SharedVariables {
  readonly #scopes = new Map<string, Variables[]>()
  /** Scopes as they were inspected, one set of objects for each function. */
  readonly #found = new Map<Scope, Variables>()

  /** The cell of a variable that a function captures. */
  cell(inspected: Inspected, name: string): Cell | undefined {
    const scope = inspected.scopes.find(each => Object.hasOwn(each.values, name))
    if (scope === undefined) return undefined
    let variables = this.#found.get(scope)
    if (variables === undefined) {
      variables = this.#variablesOf(inspected, scope)
      this.#found.set(scope, variables)
    }
    let cell = variables.cells.get(name)
    if (cell === undefined) {
      cell = new Cell(scope.values[name])
      variables.cells.set(name, cell)
    }
    return cell
  }

  #variablesOf({ scopes, scriptId, line, column }: Inspected, scope: Scope): Variables {
    const at = scopes.indexOf(scope)
    const isModule = at === scopes.length - 1
    const key = `${scriptId}:${scopes.length - at}:${scope.description}`
    let known = this.#scopes.get(key)
    if (known === undefined) {
      known = []
      this.#scopes.set(key, known)
    }
    const place = `${line}:${column}`
    let variables = known
      .slice(-RUNS_SEARCHED)
      .findLast(each => isModule || (!each.functions.has(place) && isSame(each.values, scope.values)))
    if (variables === undefined) {
      variables = { values: scope.values, cells: new Map(), functions: new Set() }
      known.push(variables)
    }
    variables.functions.add(place)
    return variables
  }
}

function isSame(left: Readonly<Record<string, unknown>>, right: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(left)
  return names.length === Object.keys(right).length && names.every(name => Object.is(left[name], right[name]))
}

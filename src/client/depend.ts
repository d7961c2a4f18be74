import { UsageError } from '../errors.ts'
import type { RemoteArguments } from './call-types.ts'

/** Gives back a function of the very type that it is given. */
export type Decorator = <Fn extends (...args: never[]) => unknown>(fn: Fn) => Fn

/**
 * Functional dependency: the engine asks `check(...args)` before it runs the function. Where the answer is false, or the
 * check throws an UnmetDependency, the load-balanced scheduler gives the task to another engine; when every engine has
 * said no, it fails with ImpossibleDependency. On a DirectView there is no other engine: it fails with UnmetDependency.
 *
 * What it gives can be used wherever the function can: with `apply`, `map`, `remote` and `parallel`, inside another
 * function, and under another `depend` or `requires`. In a `map` the check is asked before each element.
 *
 * @param check - travels like any function, and may be async. What else it throws fails the task, as if the function had.
 * @param args - arguments of the check; a Reference stands for the engine's own variable.
 * @throws UsageError when the check or the function is none.
 * @example
 * const onLinux = depend(platform => process.platform === platform, 'linux')
 * await view.apply(onLinux(readProc), 'meminfo')
 */
export function depend<Args extends unknown[]>(
  check: (...args: Args) => boolean | PromiseLike<boolean>,
  ...args: RemoteArguments<Args>
): Decorator {
  mustBeFunction('a check', check)
  return fn => {
    mustBeFunction('what depends', fn)
    const name = check.name === '' ? 'an unnamed check' : `the check ${check.name}`
    return checkedFirst(fn, check, args, `${name} said no`) as typeof fn
  }
}

type Callee = (...args: never[]) => unknown

/**
 * The function behind its check. It travels as any function does, and refers to nothing but these arguments: the error
 * is known by its name, as on the wire, so that no class has to travel with it.
 */
function checkedFirst(fn: Callee, check: Callee, args: readonly unknown[], refusal: string): Callee {
  const checked = (...values: never[]): unknown => {
    const proceed = (verdict: unknown): unknown => {
      if (verdict === false) throw Object.assign(new Error(refusal), { name: 'UnmetDependency' })
      return fn(...values)
    }
    const verdict = check(...(args as never[])) as boolean | PromiseLike<boolean>
    return typeof verdict === 'object' && typeof verdict.then === 'function'
      ? verdict.then(proceed)
      : proceed(verdict)
  }
  return Object.defineProperty(checked, 'name', { value: fn.name })
}

function mustBeFunction(what: string, value: unknown): void {
  if (typeof value !== 'function')
    throw new UsageError(`${what} must be a function, and is ${value === null ? 'null' : typeof value}`)
}

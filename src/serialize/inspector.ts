/**
 * What V8's inspector knows of a function: the variables around it, and where it stands. All of it is synchronous and
 * happens in this process, on a session of our own.
 */

import type { Runtime, Session } from 'node:inspector'
import { createRequire } from 'node:module'
import type { AnyFunction } from './callee.ts'

/** Scopes around a function, innermost first, as objects whose properties are the live values. Never the global one. */
export type Scopes = readonly Scope[]

export interface Scope {
  /** What V8 calls it, such as `Module` or `Closure (makeCounter)`. */
  readonly description: string
  readonly values: Readonly<Record<string, unknown>>
}

export interface Inspected {
  readonly scopes: Scopes
  readonly scriptId: string
  /** Where V8 says that it begins, which is usually its parameter list. Both from 0. */
  readonly line: number
  readonly column: number
}

export interface Script {
  readonly url: string
  readonly isModule: boolean
  readonly sourceMapUrl: string
  /** Number of its first line, which is 0 for files. */
  readonly startLine: number
  readonly source: string
}

interface Holder {
  fn: AnyFunction | undefined
  scopes: ArrayLike<{ readonly description: string; readonly object: Record<string, unknown> }> | undefined
}

const GROUP = 'itsparallel'
/** Node's own scripts are many, and only their addresses are of interest. */
const INTERNAL = /^node:/

class Inspector {
  readonly #session: Session
  readonly #holder: Holder = { fn: undefined, scopes: undefined }
  readonly #holderId: string
  #holds = false
  readonly #scripts = new Map<string, Omit<Script, 'source'>>()
  readonly #sources = new Map<string, string>()

  constructor() {
    // Loaded when it is first needed: most programs never send a function that refers to something.
    const { Session } = createRequire(import.meta.url)('node:inspector') as typeof import('node:inspector')
    this.#session = new Session()
    this.#session.connect()
    this.#session.on('Debugger.scriptParsed', ({ params }) => {
      const { scriptId, url, isModule = false, sourceMapURL = '', startLine } = params
      this.#scripts.set(scriptId, { url, isModule, sourceMapUrl: sourceMapURL, startLine })
    })
    this.#holderId = this.#reach(this.#holder)
  }

  /** Scopes and place of a function. Remote handles stay until `release`. */
  inspect(fn: AnyFunction): Inspected {
    this.#holds = true
    this.#holder.fn = fn
    const { objectId } = this.#call(this.#holderId, 'function () { return this.fn }')
    const { internalProperties = [] } = this.#post<Runtime.GetPropertiesReturnType>('Runtime.getProperties', {
      objectId,
      ownProperties: true,
    })
    const internal = (name: string): Runtime.RemoteObject | undefined =>
      internalProperties.find(property => property.name === name)?.value
    const scopesId = internal('[[Scopes]]')?.objectId
    const place = internal('[[FunctionLocation]]')?.value as
      | { scriptId: string; lineNumber: number; columnNumber: number }
      | undefined
    const scopes = scopesId === undefined ? [] : this.#takeScopes(scopesId)
    this.#holder.fn = undefined
    return {
      scopes,
      scriptId: place?.scriptId ?? '',
      line: place?.lineNumber ?? 0,
      column: place?.columnNumber ?? 0,
    }
  }

  #takeScopes(scopesId: string): Scopes {
    this.#call(scopesId, 'function (holder) { holder.scopes = this }', [{ objectId: this.#holderId }])
    const found = Array.from(this.#holder.scopes ?? [], ({ description, object }) => ({
      description,
      values: object,
    }))
    this.#holder.scopes = undefined
    return found.filter(scope => scope.values !== globalThis)
  }

  /** Target and bound arguments of a bound function. */
  bound(fn: AnyFunction): { target: unknown; self: unknown; args: unknown[] } | undefined {
    this.#holds = true
    this.#holder.fn = fn
    const { objectId } = this.#call(this.#holderId, 'function () { return this.fn }')
    const { internalProperties = [] } = this.#post<Runtime.GetPropertiesReturnType>('Runtime.getProperties', {
      objectId,
      ownProperties: true,
    })
    this.#holder.fn = undefined
    const value = (name: string): unknown => {
      const remote = internalProperties.find(property => property.name === name)?.value
      if (remote === undefined) return undefined
      if (remote.objectId === undefined) return primitiveOf(remote)
      const taken: { value?: unknown } = {}
      const takenId = this.#reach(taken)
      this.#call(remote.objectId, 'function (taken) { taken.value = this }', [{ objectId: takenId }])
      return taken.value
    }
    const target = value('[[TargetFunction]]')
    if (target === undefined) return undefined
    return { target, self: value('[[BoundThis]]'), args: Array.from(value('[[BoundArgs]]') as unknown[]) }
  }

  /** Lets go of all handles, and with them of the functions that were looked at. */
  release(): void {
    if (!this.#holds) return
    this.#holds = false
    this.#post('Runtime.releaseObjectGroup', { objectGroup: GROUP })
  }

  script(scriptId: string): Script | undefined {
    const known = this.#scripts.get(scriptId)
    if (known === undefined || (!INTERNAL.test(known.url) && !this.#sources.has(scriptId)))
      this.#readScript(scriptId)
    const script = this.#scripts.get(scriptId)
    return script === undefined ? undefined : { ...script, source: this.#sources.get(scriptId) ?? '' }
  }

  /**
   * The debugger tells of every script when it is enabled, which takes a few milliseconds, and slows promises down
   * while it is: so it is on only here.
   */
  #readScript(scriptId: string): void {
    this.#post('Debugger.enable')
    try {
      const script = this.#scripts.get(scriptId)
      if (script !== undefined && !INTERNAL.test(script.url)) this.#readSource(scriptId)
    } finally {
      this.#post('Debugger.disable')
    }
  }

  #readSource(scriptId: string): void {
    const { scriptSource } = this.#post<{ scriptSource: string }>('Debugger.getScriptSource', { scriptId })
    if (this.#sources.size >= SOURCES_MAX) this.#sources.delete(this.#sources.keys().next().value as string)
    this.#sources.set(scriptId, scriptSource)
  }

  /** A handle for one of our own objects. */
  #reach(object: object): string {
    const key = `__itsparallel_${Math.random().toString(36).slice(2)}`
    Reflect.set(globalThis, key, object)
    try {
      const { result } = this.#post<Runtime.EvaluateReturnType>('Runtime.evaluate', {
        expression: `globalThis[${JSON.stringify(key)}]`,
      })
      return result.objectId as string
    } finally {
      Reflect.deleteProperty(globalThis, key)
    }
  }

  #call(
    objectId: string,
    functionDeclaration: string,
    args: Runtime.CallArgument[] = [],
  ): { objectId: string } {
    const { result } = this.#post<Runtime.CallFunctionOnReturnType>('Runtime.callFunctionOn', {
      objectId,
      functionDeclaration,
      arguments: args,
      objectGroup: GROUP,
      silent: true,
    })
    return { objectId: result.objectId ?? '' }
  }

  #post<Result>(method: string, parameters?: object): Result {
    let failure: Error | null = null
    let result: unknown
    this.#session.post(method, parameters, (error, answer) => {
      failure = error
      result = answer
    })
    if (failure !== null) throw failure
    return result as Result
  }
}

const SOURCES_MAX = 64

function primitiveOf(remote: Runtime.RemoteObject): unknown {
  const { unserializableValue } = remote
  if (unserializableValue === undefined) return remote.value
  return unserializableValue.endsWith('n')
    ? BigInt(unserializableValue.slice(0, -1))
    : Number(unserializableValue)
}

let inspector: Inspector | undefined

/** The one inspector of this thread, connected when it is first needed. */
export function theInspector(): Inspector {
  inspector ??= new Inspector()
  return inspector
}

/** Lets go of handles, if there is an inspector at all. */
export function releaseInspected(): void {
  inspector?.release()
}

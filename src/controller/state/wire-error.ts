import type { ErrorContent } from '../../protocol/catalogue.ts'
import type { EngineDeath } from './dead-engines.ts'

/** A request that cannot be fulfilled, in the words of the wire: thrown inside a query, answered as an error reply. */
export class WireError extends Error {
  readonly ename: string
  readonly evalue: string

  constructor(ename: string, evalue: string) {
    super(`${ename}: ${evalue}`)
    this.name = 'WireError'
    this.ename = ename
    this.evalue = evalue
  }
}

/** As Python's KeyError prints itself: its text is the repr of the key. */
export function keyError(text: string): WireError {
  return new WireError('KeyError', pythonRepr(text))
}

/** Classes of ipyparallel's own, whose tracebacks name their module. */
const IPYPARALLEL_ERRORS = new Set([
  'EngineError',
  'ImpossibleDependency',
  'InvalidDependency',
  'TaskTimeout',
  'UnmetDependency',
])

/** Content of an error reply; the traceback is what Python would print for it. */
export function errorContent(ename: string, evalue: string): ErrorContent {
  const name = IPYPARALLEL_ERRORS.has(ename) ? `ipyparallel.error.${ename}` : ename
  return {
    status: 'error',
    ename,
    evalue,
    traceback: ['Traceback (most recent call last):\n', evalue === '' ? `${name}\n` : `${name}: ${evalue}\n`],
    engine_info: {},
  }
}

/** A value as Python's `repr` writes it; clients and people compare these texts with the original's. */
export function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (typeof value === 'string') {
    const quote = value.includes("'") && !value.includes('"') ? '"' : "'"
    const escaped = value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
    return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote
  }
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`
  if (typeof value === 'object') {
    return `{${Object.entries(value)
      .map(([key, item]) => `${pythonRepr(key)}: ${pythonRepr(item)}`)
      .join(', ')}}`
  }
  return String(value)
}

/** As the original words it, `b'…'` and all. */
export function originalDeath(engine: string, msgId: string): ErrorContent {
  return errorContent('EngineError', `Engine b'${engine}' died while running task '${msgId}'`)
}

/** A task was given up because engine after engine died with it. */
export function diedRunning(msgId: string, deaths: readonly EngineDeath[]): ErrorContent {
  const times = deaths.length === 1 ? 'an engine died' : `${deaths.length} engines died`
  return withDeaths(`${times} while running task ${msgId}: ${deaths.map(describeDeath).join('; ')}`, deaths)
}

/** A task may only run on engines that are gone. */
export function diedWithTargets(deaths: readonly EngineDeath[]): ErrorContent {
  return withDeaths(`no target of this task is left: ${deaths.map(describeDeath).join('; ')}`, deaths)
}

/** A direct request names an engine that is gone, or was never there. */
export function noSuchEngine(uuid: string, death: EngineDeath | undefined): ErrorContent {
  if (death !== undefined)
    return withDeaths(`it is gone, and the names it held with it: ${describeDeath(death)}`, [death])
  return errorContent('EngineError', `there is no engine ${uuid}: it is gone, or was never there`)
}

/** A direct request was under way when the connection of its engine broke. */
export function connectionBroke(id: number): ErrorContent {
  return errorContent(
    'EngineError',
    `the connection of engine ${id} broke while it had this request: whether it ran is not known. The engine is back; ask again if that does no harm`,
  )
}

function withDeaths(evalue: string, deaths: readonly EngineDeath[]): ErrorContent {
  return {
    ...errorContent('EngineError', evalue),
    deaths: deaths.map(({ uuid, id, cause }) => ({ engine_uuid: uuid, engine_id: id, cause: cause ?? null })),
  }
}

/** `engine 3 (killed by SIGKILL)`: which engine, and what is known of its end. */
export function describeDeath({ id, cause }: EngineDeath): string {
  const how: string[] = []
  if (cause?.reason !== undefined) how.push(cause.reason)
  if (typeof cause?.signal === 'string') how.push(`killed by ${cause.signal}`)
  if (typeof cause?.exit_code === 'number') how.push(`exit code ${cause.exit_code}`)
  const stderr = cause?.stderr?.trim()
  const last = stderr === undefined || stderr === '' ? '' : `, its last words: ${stderr}`
  return `engine ${id} (${how.length === 0 ? 'of unknown cause' : how.join(', ')}${last})`
}

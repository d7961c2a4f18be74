import { describeEngines } from './describe-engines.ts'
import type { RequestRecord } from './request-record.ts'

/** How far a result is. */
export interface ResultState {
  /** How many parts it has, and how many of them have ended. */
  readonly length: number
  readonly progress: number
  /** Seconds since it was sent, until the last reply. */
  readonly elapsed: number
  ready(): boolean
}

/** `AsyncResult apply on engines 0–3: 2 of 4 done after 1.204 s`: what it is, where, and how far. */
export function describeResult(name: string, result: ResultState, records: readonly RequestRecord[]): string {
  return `${name}${placeOf(records)}: ${stateOf(result, records)}`
}

function stateOf(result: ResultState, records: readonly RequestRecord[]): string {
  const elapsed = `${result.elapsed.toFixed(3)} s`
  if (!result.ready()) return `${result.progress} of ${result.length} done after ${elapsed}`
  const failed = records.filter(record => record.error !== undefined)
  if (failed.length === 0) return `done in ${elapsed}`
  if (records.length === 1) return `failed after ${elapsed}: ${failed[0]!.error!.message}`
  return `${failed.length} of ${records.length} failed${placeOf(failed)} after ${elapsed}`
}

/** ` on engines 0–3`; nothing where no engine is known. */
function placeOf(records: readonly RequestRecord[]): string {
  const ids = new Set(records.flatMap(record => record.engineId ?? []))
  return ids.size === 0 ? '' : ` on ${describeEngines([...ids].sort((a, b) => a - b))}`
}

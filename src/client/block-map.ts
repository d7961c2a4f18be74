/**
 * `map` on the views that address engines themselves: the input is cut into one block an engine, and all of it is sent at
 * once. How a load-balanced view deals out its input is `map-run.ts`.
 */

import { UsageError } from '../errors.ts'
import type { AnyFunction } from '../serialize/payload.ts'
import type { Message } from '../transport/socket.ts'
import { AsyncMapResult, nextPiece } from './async-map-result.ts'
import { trackSent } from './async-result.ts'
import { checkLanguage } from './call-language.ts'
import { cancelOn } from './cancel-on.ts'
import { type Columns, checkInputs, cut, isAsync, readColumns } from './columns.ts'
import { mapDecoder, packMapCall } from './map-call.ts'
import { blockBounds } from './partition.ts'
import { seal } from './request-record.ts'
import type { ResultHost } from './result-host.ts'
import type { Outgoing } from './submission.ts'
import type { Target } from './targets.ts'
import { OWN_MARK } from './view.ts'

/** What a map needs of the view that it is called on. */
export interface BlockMapView {
  readonly host: ResultHost
  readonly options: {
    readonly ordered?: boolean
    readonly returnExceptions?: boolean
    readonly signal?: AbortSignal
    readonly track?: boolean
  }
  /** @throws NoEnginesError and the like. */
  targets(): readonly Target[]
  post(target: Target, message: Outgoing): void
}

/** What one engine gets. */
interface Block {
  readonly target: Target
  /** Position of its first element in the whole sequence. */
  readonly start: number
  readonly size: number
  readonly buffers: Message
}

/**
 * Calls `fn` for each element of iterables that are zipped to the shortest.
 *
 * @throws UsageError for what cannot be mapped over, SerializationError for what cannot travel; nothing is sent then.
 */
export function mapInBlocks<Value>(
  fn: AnyFunction,
  inputs: readonly Iterable<unknown>[],
  view: BlockMapView,
): AsyncMapResult<Value> {
  checkInputs(inputs)
  if (inputs.some(isAsync))
    throw new UsageError(
      'this view cuts its input into one block an engine, so all of it must be there at once: collect the async iterable first, or map on a load-balanced view',
    )
  const targets = view.targets()
  checkLanguage(targets, fn)
  const columns = readColumns(inputs)
  const { ordered = true, returnExceptions = false, signal, track } = view.options
  const total = columns[0]!.length
  const result = new AsyncMapResult<Value>(view.host, { ordered, returnExceptions, total })
  if (signal !== undefined && cancelOn(signal, result)) return result[seal]()
  for (const { target, start, size, buffers } of packBlocks(fn, columns, targets, returnExceptions)) {
    result[nextPiece](size)
    view.post(target, {
      type: 'apply_request',
      metadata: OWN_MARK,
      buffers,
      owner: result,
      decode: mapDecoder(target.language, returnExceptions),
      firstIndex: start,
    })
  }
  if (track === true) result[trackSent]()
  return result[seal]()
}

/** All of it is packed before any of it is sent: what cannot travel is refused as a whole. */
function packBlocks(fn: AnyFunction, columns: Columns, targets: readonly Target[], goesOn: boolean): Block[] {
  const total = columns[0]!.length
  return targets.flatMap((target, part) => {
    const [start, end] = blockBounds(total, part, targets.length)
    if (start === end) return []
    const block = columns.map(column => cut(column, start, end))
    return [{ target, start, size: end - start, buffers: packMapCall(target.language, fn, block, goesOn) }]
  })
}

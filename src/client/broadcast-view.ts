import type { InPlaceWith } from './call-types.ts'
import { ENGINES_VIEW_OPTIONS, EnginesView, type EnginesViewOptions } from './engines-view.ts'
import { checkOptionKeys } from './option-keys.ts'
import type { ShapeWith, ViewShape } from './shape.ts'
import type { Outgoing } from './submission.ts'
import type { Target, Targets } from './targets.ts'
import type { ViewHost } from './view.ts'

/** Options of a BroadcastView. */
export interface BroadcastViewOptions extends EnginesViewOptions {
  /**
   * Let the scheduler gather the replies of `apply`, `push` and `pull` into one message (ipyparallel's `is_coalescing`).
   * Default false: each reply comes as soon as it is there. Values, errors and metadata are the same in both ways.
   */
  readonly coalesce?: boolean
}

/**
 * As DirectView, but one message goes out however many engines there are: the scheduler gives each of them its copy, so
 * that a large argument leaves this process once.
 *
 * What differs from engine to engine (the pieces of `scatter`, `map` and `parallel`) takes the same way, a message
 * each, and so stays in order with all else that is asked of the view.
 *
 * @example
 * const view = rc.broadcastView()
 * await view.push({ table: new Float64Array(1_000_000) })     // sent once
 * await view.apply(() => table.length)                        // [1000000, 1000000, 1000000, 1000000]
 */
export class BroadcastView<Shape extends ViewShape = 'many', InPlace = never> extends EnginesView<
  Shape,
  BroadcastViewOptions,
  InPlace
> {
  /** Made by a Client. @throws UsageError for an option that it does not have. */
  constructor(host: ViewHost, options: BroadcastViewOptions) {
    checkOptionKeys('BroadcastView', options, [...ENGINES_VIEW_OPTIONS, 'coalesce'])
    super(host, options)
  }

  /** The same view with other options. */
  with<Asked extends Targets | undefined = undefined, Errors extends boolean | undefined = undefined>(
    options: BroadcastViewOptions & { readonly targets?: Asked; readonly returnExceptions?: Errors },
  ): BroadcastView<ShapeWith<Asked, Shape>, InPlaceWith<Errors, InPlace>> {
    return new BroadcastView(this.host, { ...this.options, ...options })
  }

  protected override post(targets: readonly Target[], message: Outgoing): void {
    const { coalesce = false } = this.options
    // Of source text each engine's reply says something of its own, which is not in a payload.
    const isCoalescing = coalesce && message.type === 'apply_request' && targets.length > 1
    this.host.broadcast(message, targets, isCoalescing)
  }
}

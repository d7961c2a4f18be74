import type { InPlaceWith } from './call-types.ts'
import { ENGINES_VIEW_OPTIONS, EnginesView, type EnginesViewOptions } from './engines-view.ts'
import { checkOptionKeys } from './option-keys.ts'
import type { ShapeWith, ViewShape } from './shape.ts'
import type { Outgoing } from './submission.ts'
import type { Target, Targets } from './targets.ts'
import type { ViewHost } from './view.ts'

/** Options of a DirectView. */
export interface DirectViewOptions extends EnginesViewOptions {}

/**
 * Some engines, each addressed by itself: what is called is called on every one of them.
 *
 * A view of a single target gives single values, every other an array in the order of its targets. A view is cheap and
 * immutable; `with` gives another one with other options.
 *
 * @example
 * const view = rc.directView()
 * await view.push({ a: 6, b: 7 })
 * await view.execute('c = a * b')
 * await view.pull('c')            // [42, 42, 42, 42]
 * await rc.at(0).pull('c')        // 42
 */
export class DirectView<Shape extends ViewShape = 'many', InPlace = never> extends EnginesView<
  Shape,
  DirectViewOptions,
  InPlace
> {
  /** Made by a Client. @throws UsageError for an option that it does not have. */
  constructor(host: ViewHost, options: DirectViewOptions) {
    checkOptionKeys('DirectView', options, ENGINES_VIEW_OPTIONS)
    super(host, options)
  }

  /** The same view with other options. */
  with<Asked extends Targets | undefined = undefined, Errors extends boolean | undefined = undefined>(
    options: DirectViewOptions & { readonly targets?: Asked; readonly returnExceptions?: Errors },
  ): DirectView<ShapeWith<Asked, Shape>, InPlaceWith<Errors, InPlace>> {
    return new DirectView(this.host, { ...this.options, ...options })
  }

  protected override post(targets: readonly Target[], message: Outgoing): void {
    const { type, content, metadata, buffers, owner, decode, signal, firstIndex = 0 } = message
    for (const { uuid: engine } of targets)
      this.host.submit({
        route: 'direct',
        engine,
        type,
        content,
        metadata,
        buffers,
        owner,
        decode,
        signal,
        firstIndex,
      })
  }
}

/** Rich display: what a value shows in a notebook or console, and the `display` function that user code calls. */

import { inspect } from 'node:util'
import type { MimeBundle } from '../protocol/catalogue.ts'
import type { MaybePromise } from '../serialize/payload.ts'
import type { CapturedOutput } from './captured-output.ts'

/** The method by which a value says how it is shown; JavaScript's other Jupyter kernels ask for the same one. */
const DISPLAY = Symbol.for('Jupyter.display')

/** How `display` takes its argument. */
export interface DisplayOptions {
  /** It is a bundle already: texts and data by MIME type. */
  readonly raw?: boolean
}

/**
 * What a value shows: the bundle that its `Symbol.for('Jupyter.display')` method gives, or its text.
 *
 * @throws whatever that method throws.
 */
export function mimeBundle(value: unknown): MaybePromise<MimeBundle> {
  const show = displayMethod(value)
  return show === undefined ? textBundle(value) : (show.call(value) as MaybePromise<MimeBundle>)
}

/**
 * Makes `display` a global function of the engine. Called before the namespace takes note of what there is, so that the
 * user may give the name another meaning.
 *
 * @param output - asked at each call.
 */
export function installDisplay(output: () => CapturedOutput): void {
  const display = (value: unknown, options: DisplayOptions = {}): MaybePromise<void> => {
    const { scope } = output()
    const publish = (data: MimeBundle): void =>
      output().publish('display_data', 'display_data', { data, metadata: {}, transient: {} }, scope)
    const data = options.raw === true ? (value as MimeBundle) : mimeBundle(value)
    return data instanceof Promise ? data.then(publish) : publish(data)
  }
  Object.defineProperty(globalThis, 'display', { value: display, writable: true, configurable: true })
}

function displayMethod(value: unknown): (() => unknown) | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  const method: unknown = Reflect.get(value, DISPLAY)
  return typeof method === 'function' ? (method as () => unknown) : undefined
}

function textBundle(value: unknown): MimeBundle {
  return { 'text/plain': inspect(value, { depth: 4, maxArrayLength: 100 }) }
}

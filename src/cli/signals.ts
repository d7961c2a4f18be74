import process from 'node:process'

type EndingSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/**
 * Calls `onFirst` at the first signal that asks this program to end, and `onSecond` at any later one: whoever presses
 * ^C twice does not want to wait. Signals in `ignored` do nothing.
 */
export function onEndingSignals(
  onFirst: (signal: NodeJS.Signals) => void,
  onSecond: (signal: NodeJS.Signals) => void = () => {},
  ignored: readonly EndingSignal[] = [],
): void {
  let isAsked = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (ignored.includes(signal)) return
      const handle = isAsked ? onSecond : onFirst
      isAsked = true
      handle(signal)
    })
  }
}

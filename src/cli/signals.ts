import process from 'node:process'

const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Calls `onFirst` at the first signal that asks this program to end, and `onSecond` at any later one: whoever presses
 * ^C twice does not want to wait.
 */
export function onEndingSignals(
  onFirst: (signal: NodeJS.Signals) => void,
  onSecond: (signal: NodeJS.Signals) => void = () => {},
): void {
  let isAsked = false
  for (const signal of ENDING) {
    process.on(signal, () => {
      const handle = isAsked ? onSecond : onFirst
      isAsked = true
      handle(signal)
    })
  }
}

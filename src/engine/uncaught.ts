import process from 'node:process'
import { inspect } from 'node:util'
import { isInterrupt } from './interrupt-probe.ts'
import { isOwnStack } from './user-stack.ts'

/** Where errors go that nobody caught. */
export interface UncaughtHandlers {
  /** The user's: shown to them. */
  write(text: string): void
  /** Our own: a bug, for the log. */
  report(stack: string): void
  cleanStack(stack: string): string
}

/**
 * Keeps the engine alive through errors that user code never catches, in timers and promises: they are printed to its
 * stderr, with the request that started them.
 */
export function surviveUncaught(handlers: UncaughtHandlers): void {
  const show = (prefix: string, error: unknown): void => {
    const stack = error instanceof Error ? error.stack : undefined
    if (typeof stack !== 'string') {
      handlers.write(`${prefix} ${inspect(error)}\n`)
      return
    }
    if (isOwnStack(stack)) handlers.report(stack)
    handlers.write(`${prefix} ${handlers.cleanStack(stack)}\n`)
  }
  process.on('uncaughtException', error => {
    if (!isInterrupt(error)) show('Uncaught', error)
  })
  process.on('unhandledRejection', reason => show('Uncaught (in promise)', reason))
}

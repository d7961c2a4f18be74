import process from 'node:process'
import { inspect } from 'node:util'
import { isInterrupt } from './interrupt-probe.ts'

/**
 * Keeps the engine alive through errors that user code never catches, in timers and promises: they are printed to its
 * stderr, with the request that started them.
 */
export function surviveUncaught(write: (text: string) => void, cleanStack: (stack: string) => string): void {
  const show = (error: unknown): string =>
    error instanceof Error && typeof error.stack === 'string' ? cleanStack(error.stack) : inspect(error)
  process.on('uncaughtException', error => {
    if (!isInterrupt(error)) write(`Uncaught ${show(error)}\n`)
  })
  process.on('unhandledRejection', reason => write(`Uncaught (in promise) ${show(reason)}\n`))
}

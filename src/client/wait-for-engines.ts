import type { EventEmitter } from 'node:events'
import type { Clock } from '../base/clock.ts'
import { TimeoutError } from '../errors.ts'
import type { ClientEvents } from './client-events.ts'

/** What is waited on: a client. */
interface Waited extends EventEmitter<ClientEvents> {
  readonly length: number
}

/**
 * Resolves when `client` has at least `n` engines.
 *
 * @param timeout - seconds; undefined: for ever.
 * @throws TimeoutError when it has not by then, and what ended the connection when that ends first.
 */
export function waitForEngines(
  client: Waited,
  n: number,
  timeout: number | undefined,
  clock: Clock,
): Promise<void> {
  if (client.length >= n) return Promise.resolve()
  return new Promise<void>((resolve, reject) => {
    const end = (settle: () => void) => {
      client.off('engine:registered', look)
      client.off('close', gone)
      cancel?.()
      settle()
    }
    const look = () => {
      if (client.length >= n) end(resolve)
    }
    const gone = (reason: Error) => end(() => reject(reason))
    const late = () => {
      const message = `${client.length} of ${n} engines were registered after ${timeout} s: start more with \`ipcluster engines\`, or look into their logs`
      end(() => reject(new TimeoutError(message)))
    }
    const cancel = timeout === undefined ? undefined : clock.after(timeout * 1000, late)
    client.on('engine:registered', look)
    client.on('close', gone)
  })
}

import { assertNever } from '../base/assert.ts'
import { DisconnectedError } from '../errors.ts'
import type { GoneReason } from './state/link.ts'

/** Why nothing can be sent any more, and what to do. */
export function goneError(
  reason: GoneReason,
  where: string,
  lostPatienceMs: number,
  cause: string | undefined,
): DisconnectedError {
  switch (reason) {
    case 'closed':
      return new DisconnectedError('this client was closed; connect a new one')
    case 'shut_down':
      return new DisconnectedError(
        `the controller at ${where} was shut down; start a cluster and connect anew`,
      )
    case 'lost': {
      const why = cause === undefined ? '' : ` (${cause})`
      return new DisconnectedError(
        `the connection to the controller at ${where} was lost${why} and did not come back within ${lostPatienceMs / 1000} s; is the controller still running? Connect anew when it is.`,
      )
    }
    default:
      return assertNever(reason, 'reason')
  }
}

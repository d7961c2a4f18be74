import type { DeathCause } from '../../protocol/catalogue.ts'
import type { ProgramEnd } from './launch-events.ts'

/** What V8 says before it aborts the process. */
const OUT_OF_MEMORY = /^.*(?:JavaScript heap|process) out of memory.*$/m

/** How an engine ended, in the words of the wire. @param isAsked - somebody wanted it to end. */
export function deathCause(end: ProgramEnd, isAsked: boolean): DeathCause {
  const how = { exit_code: end.exitCode, signal: end.signal, stderr: end.output }
  if (isAsked) return { ...how, reason: 'stopped' }
  const fatal = OUT_OF_MEMORY.exec(end.output)
  if (fatal === null) return end.reason === undefined ? how : { ...how, reason: end.reason }
  // What follows are addresses in V8 itself.
  return { ...how, reason: 'out of memory', stderr: fatal[0] }
}

import type { BatchSettings } from './batch-settings.ts'
import type { BatchSystem, Call } from './batch-system.ts'
import type { CallResult } from './run-call.ts'

/** What to do about a command that failed; undefined where its own words must do. */
export function hintFor(
  system: BatchSystem,
  settings: BatchSettings,
  call: Call,
  result: CallResult,
): string | undefined {
  const said = `${result.stderr}\n${result.stdout}`
  if (result.problem === 'missing')
    return `there is no ${call.command} here: log in to a machine that submits jobs to ${system.title}, put the folder of its commands on PATH, or choose another launcher`
  if (result.problem === 'timeout')
    return `${call.command} did not answer: see whether ${system.title} is up (\`${system.showQueues}\`)`
  if (/partition|queue/i.test(said) && /invalid|unknown|no such|not exist|unable/i.test(said)) {
    const queue = settings.queue === undefined ? 'the default queue' : `queue ${settings.queue}`
    return `${queue} cannot be used: \`${system.showQueues}\` shows those that there are; set batch.queue`
  }
  if (system.name === 'pbs' && /(?:illegal|invalid|unknown) option.*\bJ\b/i.test(said))
    return 'this qsub knows no job arrays: set batch.array to false, and give a template with the words of your PBS (docs/batch.md)'
  if (/account|project/i.test(said)) return 'set batch.account to one that you may use'
  if (/time.?limit|walltime|h_rt/i.test(said)) return 'set batch.walltime to what the queue allows'
  if (/unable to contact|connection refused|cannot connect|communication failure|munge/i.test(said))
    return `${system.title} does not answer on this machine: see whether it is up (\`${system.showQueues}\`)`
  return undefined
}

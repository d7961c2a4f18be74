import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { BatchSystemName } from '../../config/launcher-names.ts'
import { logDirectory } from '../../config/profile.ts'
import { ConfigurationError } from '../../errors.ts'
import type { GroupLauncher, Program } from '../launcher.ts'
import type { MpiSettings } from '../mpi-launcher.ts'
import { BatchJob } from './batch-job.ts'
import { BatchQueue } from './batch-queue.ts'
import { type BatchSettings, checkBatchSettings } from './batch-settings.ts'
import type { BatchSystem } from './batch-system.ts'
import { enginesPerNode, type JobScript, jobScript } from './job-script.ts'
import type { RunCall } from './run-call.ts'
import { BATCH_SYSTEMS } from './systems.ts'

/** A system may give programs half a minute to end, and needs a moment to say that they have. */
const END_MS = 60_000

/**
 * Starts programs as jobs of a batch system.
 *
 * @param more - how `mpiexec` is called; what runs the system's commands, in whose place tests stand.
 * @throws ConfigurationError for a setting that cannot be used.
 */
export function batchLauncher(
  name: BatchSystemName,
  settings: BatchSettings,
  profileDir: string,
  more: { readonly mpi?: MpiSettings | undefined; readonly run?: RunCall } = {},
): GroupLauncher {
  const { mpi, run } = more
  checkBatchSettings(settings)
  const queue = run === undefined ? queueOf(name) : new BatchQueue(BATCH_SYSTEMS[name], run)
  let perNode: number | undefined
  const scriptOf = (program: Program, count: number): JobScript => {
    // Those that come later, in place of others, find as much room as these.
    perNode ??= enginesPerNode(count, settings)
    return jobScript({
      system: queue.system,
      program,
      count,
      settings,
      mpi,
      perNode,
      templateText: readTemplate(settings.templateFile),
      folder: logDirectory(profileDir),
      tag: randomBytes(4).toString('hex'),
    })
  }
  return {
    kind: 'group',
    name,
    areRanks: settings.mpi === true,
    commands: commandsOf(queue.system),
    endMs: END_MS,
    script: (program, count) => {
      const { script, description } = scriptOf(program, count)
      return description === undefined ? script : `${description}\n${script}`
    },
    submit: (program, count, handlers) =>
      new BatchJob(queue, settings, profileDir, () => scriptOf(program, count), handlers),
  }
}

function commandsOf(system: BatchSystem): string[] {
  const files = { script: '', description: '', log: '' }
  return [system.submit(files, ''), system.status(['1']), system.cancel('1')].map(({ command }) => command)
}

/** All jobs of a process share the question how they are. */
const queues = new Map<BatchSystemName, BatchQueue>()

function queueOf(name: BatchSystemName): BatchQueue {
  const queue = queues.get(name) ?? new BatchQueue(BATCH_SYSTEMS[name])
  queues.set(name, queue)
  return queue
}

function readTemplate(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigurationError(`batch.templateFile: ${(cause as Error).message}`, { cause })
  }
}

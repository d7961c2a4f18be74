import type { JobRecord } from '../../config/pid-file.ts'
import { LauncherError } from '../../errors.ts'
import { commandLine } from '../program.ts'
import { BatchQueue } from './batch-queue.ts'
import { removeJobFiles } from './job-logs.ts'
import { JobProgress } from './job-progress.ts'
import { filesAt } from './job-script.ts'
import { type RunCall, runCall } from './run-call.ts'
import { BATCH_SYSTEMS } from './systems.ts'

/** How long a job may take to end when it was asked to, and to be gone when it was killed. */
const GRACE_MS = 5000
const GONE_MS = 60_000

/**
 * Cancels jobs that nobody keeps any more. Resolves when none is left in the queue, and no file of theirs; jobs that are
 * gone already are no error.
 *
 * @throws LauncherError when the system cannot be asked, or a job does not end.
 */
export async function cancelJobs(jobs: readonly JobRecord[], run: RunCall = runCall): Promise<void> {
  const names = new Set(jobs.map(({ system }) => system))
  const queues = new Map([...names].map(name => [name, new BatchQueue(BATCH_SYSTEMS[name], run)]))
  await Promise.all(
    jobs.map(async ({ system, id, files }) => {
      await cancelJob(queues.get(system)!, id)
      removeJobFiles(filesAt(files), true)
    }),
  )
}

async function cancelJob(queue: BatchQueue, id: string): Promise<void> {
  const { system, run } = queue
  const call = system.cancel(id)
  const { problem } = await run(call)
  if (problem !== undefined) {
    const why = problem === 'missing' ? `${call.command} is not on this machine` : 'it does not answer'
    throw new LauncherError(
      `job ${id} of ${system.title} cannot be cancelled, for ${why}: run \`ipcluster stop\` where it was started, or \`${commandLine(call)}\``,
    )
  }
  const progress = new JobProgress(system, [])
  let isKilled = false
  await new Promise<void>((resolve, reject) => {
    const kill = setTimeout(() => {
      isKilled = true
      void run(system.kill(id)).then(() => queue.hurry())
    }, GRACE_MS)
    let isGivenUp = false
    const giveUp = setTimeout(() => {
      isGivenUp = true
      queue.hurry()
      reject(new LauncherError(`job ${id} of ${system.title} does not end: it was cancelled and killed`))
    }, GRACE_MS + GONE_MS)
    queue.watch({
      id,
      isUnref: false,
      onAnswer(rows, isComplete) {
        progress.seen(rows, isComplete, isKilled)
        if (!progress.hasEnded && !isGivenUp) return progress.isDoubtful ? 'soon' : 'later'
        clearTimeout(kill)
        clearTimeout(giveUp)
        resolve()
        return 'never'
      },
    })
  })
}

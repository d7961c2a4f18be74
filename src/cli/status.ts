import type { Command } from 'commander'
import { addPlaceOptions, type PlaceOptions, parseNumber } from './options.ts'
import { newCommand } from './run.ts'

interface StatusOptions extends PlaceOptions {
  readonly timeout?: number
  readonly json?: boolean
}

/** `ipcluster status`: what the hub of a cluster says of its engines, and batch systems of its jobs. */
export function statusCommand(): Command {
  return addPlaceOptions(newCommand('status', 'Show what the engines of a cluster are doing'))
    .option(
      '--timeout <seconds>',
      'how long to wait for the controller (default: 10)',
      parseNumber('timeout', 0.001),
    )
    .option('--json', 'print JSON')
    .action(status)
}

async function status(options: StatusOptions): Promise<void> {
  const { askStatus } = await import('../cluster/status.ts')
  const { reportJobs } = await import('../cluster/batch/job-reports.ts')
  const { findPidRecords } = await import('../config/pid-file.ts')
  const { resolvePlace } = await import('../config/profile.ts')
  const { print, printJson, printTable } = await import('./print.ts')
  const { profileDir, clusterId } = resolvePlace(options)
  const jobs = await reportJobs(findPidRecords(profileDir, clusterId).flatMap(record => record.jobs))
  const printJobs = (): void => {
    if (jobs.length === 0) return
    const rows = jobs.map(({ system, id, state, detail = '' }) => [id, system, state, detail])
    printTable(['JOB', 'SYSTEM', 'STATE', ''], rows)
  }
  const found = await askStatus(profileDir, clusterId, (options.timeout ?? 10) * 1000).catch(
    (error: unknown) => {
      // A controller that is not there may be in a job that waits.
      if (options.json !== true) printJobs()
      throw error
    },
  )
  if (options.json === true) {
    printJson({ ...found, jobs })
    return
  }
  print(
    `Controller at ${found.controller}: ${found.engines.length} engines, ${found.unassigned} tasks unassigned.`,
  )
  printJobs()
  if (found.engines.length === 0) return
  printTable(
    ['ENGINE', 'QUEUE', 'TASKS', 'COMPLETED', 'UUID'],
    found.engines.map(engine => [
      String(engine.id),
      String(engine.queue),
      String(engine.tasks),
      String(engine.completed),
      engine.uuid,
    ]),
  )
}

import type { Command } from 'commander'
import { addPlaceOptions, type PlaceOptions } from './options.ts'
import { newCommand } from './run.ts'

interface CleanOptions extends PlaceOptions {
  readonly all?: boolean
  readonly records?: boolean
  readonly json?: boolean
}

/** `ipcluster clean`: removes files of clusters that no longer run. */
export function cleanCommand(): Command {
  return addPlaceOptions(newCommand('clean', 'Remove what clusters that are gone have left in a profile'))
    .option('--all', 'in all profiles')
    .option('--records', 'also what they remember of requests and results')
    .option('--json', 'print JSON')
    .action(clean)
}

async function clean(options: CleanOptions): Promise<void> {
  const { cleanProfile } = await import('../cluster/clean-profile.ts')
  const { profileDirectories, profileDirectory } = await import('../config/profile.ts')
  const { RECORDS_AGE_MAX_MS, sweepRecords } = await import('../config/records-file.ts')
  const { print, printJson } = await import('./print.ts')
  const profileDirs = options.all === true ? profileDirectories() : [profileDirectory(options)]
  const recordsBeforeMs =
    options.records === true ? Number.POSITIVE_INFINITY : Date.now() - RECORDS_AGE_MAX_MS
  const removed = (await Promise.all(profileDirs.map(cleanProfile))).flat()
  removed.push(...profileDirs.flatMap(profileDir => sweepRecords(profileDir, recordsBeforeMs)))
  if (options.json === true) {
    printJson({ removed })
    return
  }
  for (const path of removed) print(`removed ${path}`)
  if (removed.length === 0) print('Nothing to clean.')
}

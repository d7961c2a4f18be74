import type { Command } from 'commander'
import { newCommand } from './run.ts'

interface CreateOptions {
  readonly profile?: string
  readonly profileDir?: string
  readonly parallel?: boolean
  readonly reset?: boolean
}

interface ListOptions {
  readonly json?: boolean
}

/** `itsparallel profile`: the folders in which clusters keep their configuration and connection files. */
export function profileCommand(): Command {
  return newCommand('profile', 'Make and find profiles: named configurations of clusters')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(locateCommand())
}

function createCommand(): Command {
  return newCommand('create', 'Make a profile, with configuration files in which every setting is explained')
    .argument('[name]', 'name of the profile (default: "default")')
    .option('--profile <name>', 'name of the profile, as an option')
    .option('--profile-dir <path>', 'make it in this folder instead')
    .option('--parallel', 'for clusters (every profile of ours is)')
    .option('--reset', 'write configuration files anew that are there already')
    .action(create)
}

async function create(name: string | undefined, options: CreateOptions): Promise<void> {
  const { createProfile } = await import('../config/create-profile.ts')
  const { profileDirectory } = await import('../config/profile.ts')
  const { UsageError } = await import('../errors.ts')
  const { print } = await import('./print.ts')
  if (name !== undefined && options.profile !== undefined && name !== options.profile)
    throw new UsageError(`two names, ${name} and ${options.profile}: give one`)
  const profile = name ?? options.profile
  const folder = profileDirectory({ profile, profileDir: options.profileDir })
  for (const { path, isNew } of createProfile(folder, { reset: options.reset === true }))
    print(isNew ? `wrote ${path}` : `kept ${path} (--reset writes it anew)`)
}

function listCommand(): Command {
  return newCommand('list', 'Show the profiles there are')
    .option('--json', 'as JSON')
    .action(async (options: ListOptions) => {
      const { profileDirectories, profileName } = await import('../config/profile.ts')
      const { print, printJson, printTable } = await import('./print.ts')
      const rows = profileDirectories().map(folder => [profileName(folder), folder] as const)
      if (options.json === true) printJson(rows.map(([name, folder]) => ({ name, folder })))
      else if (rows.length === 0) print('There are no profiles: `itsparallel profile create` makes one.')
      else printTable(['PROFILE', 'FOLDER'], rows)
    })
}

function locateCommand(): Command {
  return newCommand('locate', 'Print the folder of a profile')
    .argument('[name]', 'name of the profile (default: "default")')
    .action(async (name: string | undefined) => {
      const { existsSync } = await import('node:fs')
      const { nearest } = await import('../config/nearest.ts')
      const { profileDirectories, profileDirectory, profileName } = await import('../config/profile.ts')
      const { ConfigurationError } = await import('../errors.ts')
      const { print } = await import('./print.ts')
      const folder = profileDirectory({ profile: name })
      if (!existsSync(folder)) {
        const [near] = nearest(name ?? '', profileDirectories().map(profileName))
        const hint =
          near === undefined
            ? `\`itsparallel profile create ${name ?? ''}\` makes it`
            : `did you mean ${near}?`
        throw new ConfigurationError(`there is no profile folder ${folder}; ${hint}`)
      }
      print(folder)
    })
}

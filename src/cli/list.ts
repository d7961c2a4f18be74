import type { Command } from 'commander'
import { addPlaceOptions, type PlaceOptions } from './options.ts'
import { newCommand } from './run.ts'

/** `ipcluster list`: every cluster of this user that has left its files, whoever started it. */
export function listCommand(): Command {
  return addPlaceOptions(newCommand('list', 'List the clusters of all profiles, or of one'))
    .option('--json', 'print JSON')
    .action(list)
}

async function list(options: PlaceOptions & { readonly json?: boolean }): Promise<void> {
  const { surveyClusters } = await import('../cluster/survey.ts')
  const { profileDirectories, profileDirectory } = await import('../config/profile.ts')
  const { print, printJson, printTable } = await import('./print.ts')
  const isNarrow = options.profile !== undefined || options.profileDir !== undefined
  const all = surveyClusters(isNarrow ? [profileDirectory(options)] : profileDirectories())
  const clusters = all.filter(
    cluster => options.clusterId === undefined || cluster.clusterId === options.clusterId,
  )
  if (options.json === true) {
    printJson(clusters)
    return
  }
  if (clusters.length === 0) {
    print('No cluster is running. `ipcluster start --n=4` starts one.')
    return
  }
  printTable(
    ['PROFILE', 'CLUSTER ID', 'STATE', 'ENGINES', 'PID', 'LAUNCHER'],
    clusters.map(cluster => [
      cluster.profile,
      cluster.clusterId === '' ? "''" : cluster.clusterId,
      cluster.state,
      String(cluster.engines),
      cluster.pid === null ? '-' : String(cluster.pid),
      cluster.launcher,
    ]),
  )
}

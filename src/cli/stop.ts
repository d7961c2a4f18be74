import type { Command } from 'commander'
import { addPlaceOptions, type PlaceOptions } from './options.ts'
import { newCommand } from './run.ts'

/** `ipcluster stop`: ends a cluster wherever it was started from, and waits until nothing of it is left. */
export function stopCommand(): Command {
  return addPlaceOptions(newCommand('stop', 'Stop a cluster and wait until nothing of it is left'))
    .option('--quiet', 'say nothing but errors')
    .action(stop)
}

async function stop(options: PlaceOptions & { readonly quiet?: boolean }): Promise<void> {
  const { resolvePlace } = await import('../config/profile.ts')
  const { stopCluster } = await import('../cluster/stop-cluster.ts')
  const { print } = await import('./print.ts')
  const { profileDir, clusterId } = resolvePlace(options)
  await stopCluster(profileDir, clusterId)
  if (options.quiet !== true) print('Stopped.')
}

import type { Command } from 'commander'
import {
  addEngineOptions,
  type EngineOptions,
  engineArguments,
  printScripts,
  readEngineOptions,
} from './engine-options.ts'
import { addLogOptions, addPlaceOptions, type LogOptions, type PlaceOptions } from './options.ts'
import { newCommand } from './run.ts'

interface EnginesOptions extends PlaceOptions, LogOptions, EngineOptions {
  readonly daemonize?: boolean
}

/** `ipcluster engines`: further engines for a cluster that runs already. */
export function enginesCommand(): Command {
  const command = addEngineOptions(
    newCommand('engines', 'Start further engines for a controller that is running'),
  ).option('--daemonize', 'go on in the background once the engines are up')
  return addLogOptions(addPlaceOptions(command)).action(startEngines)
}

async function startEngines(given: EnginesOptions): Promise<void> {
  const { withConfiguration } = await import('./configured.ts')
  const options = await withConfiguration(given, 'ipcluster')
  const { enginePlan } = await import('../cluster/cluster-options.ts')
  const plan = enginePlan({ ...options, ...(await readEngineOptions(options)) })
  if (options.dryRun === true) return printScripts(plan)
  const { n } = plan
  if (options.daemonize === true) {
    const { startDaemon } = await import('../cluster/daemon.ts')
    const { print } = await import('./print.ts')
    const pid = await startDaemon('engines', plan, engineArguments(options, n))
    if (options.quiet !== true) print(`${n} engines have joined (process ${pid}).`)
    return
  }
  const { keep } = await import('./keep.ts')
  await keep(plan, options, {
    starting: `Starting ${n} engines …`,
    up: keeper => `Engines ${keeper.engines.map(engine => engine.id).join(', ')} are up. ^C stops them.`,
  })
}

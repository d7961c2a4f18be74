import type { Command } from 'commander'
import {
  addLogOptions,
  addPlaceOptions,
  collect,
  type LogOptions,
  type PlaceOptions,
  parseEngineCount,
  parseNumber,
} from './options.ts'
import { newCommand } from './run.ts'

interface EnginesOptions extends PlaceOptions, LogOptions {
  readonly n?: number
  readonly engines?: string
  readonly daemonize?: boolean
  readonly timeout?: number
  readonly engineArg?: readonly string[]
}

/** `ipcluster engines`: further engines for a cluster that runs already. */
export function enginesCommand(): Command {
  const command = newCommand('engines', 'Start further engines for a controller that is running')
    .option(
      '-n, --n <count>',
      'number of engines (default: as many as this machine has cores)',
      parseEngineCount,
    )
    .option('--engines <launcher>', 'what starts the engines: local')
    .option('--daemonize', 'go on in the background once the engines are up')
    .option('--timeout <seconds>', 'how long the start may take (default: 60)', parseNumber('timeout', 0.001))
    .option('--engine-arg <arg>', 'further argument of ipengine; may be repeated', collect)
  return addLogOptions(addPlaceOptions(command)).action(startEngines)
}

async function startEngines(options: EnginesOptions): Promise<void> {
  const { availableParallelism } = await import('node:os')
  const { enginePlan } = await import('../cluster/cluster-options.ts')
  const { findLauncher } = await import('../cluster/launcher.ts')
  const n = options.n ?? availableParallelism()
  const plan = enginePlan({
    ...options,
    n,
    engines: options.engines === undefined ? undefined : findLauncher(options.engines).name,
    engineArgs: options.engineArg,
  })
  if (options.daemonize === true) {
    const { startDaemon } = await import('../cluster/daemon.ts')
    const { print } = await import('./print.ts')
    const args = [`--n=${n}`, ...(options.engineArg ?? []).map(arg => `--engine-arg=${arg}`)]
    if (options.timeout !== undefined) args.push(`--timeout=${options.timeout}`)
    if (options.engines !== undefined) args.push(`--engines=${options.engines}`)
    const pid = await startDaemon('engines', plan, args)
    if (options.quiet !== true) print(`${n} engines have joined (process ${pid}).`)
    return
  }
  const { keep } = await import('./keep.ts')
  await keep(plan, options, {
    starting: `Starting ${n} engines …`,
    up: keeper => `Engines ${keeper.engines.map(engine => engine.id).join(', ')} are up. ^C stops them.`,
  })
}

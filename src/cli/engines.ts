import type { Command } from 'commander'
import {
  addLogOptions,
  addPlaceOptions,
  collect,
  ENGINE_COMMAND_HELP,
  ENGINES_HELP,
  type LogOptions,
  type PlaceOptions,
  PYTHON_HELP,
  parseEngineCount,
  parseNumber,
} from './options.ts'
import { newCommand } from './run.ts'

interface EnginesOptions extends PlaceOptions, LogOptions {
  readonly n?: number
  readonly engines?: string
  readonly engineCommand?: string
  readonly python?: string
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
    .option('--engines <what>', ENGINES_HELP)
    .option('--engine-command <command>', ENGINE_COMMAND_HELP)
    .option('--python <path>', PYTHON_HELP)
    .option('--daemonize', 'go on in the background once the engines are up')
    .option('--timeout <seconds>', 'how long the start may take (default: 60)', parseNumber('timeout', 0.001))
    .option('--engine-arg <arg>', 'further argument of ipengine; may be repeated', collect)
  return addLogOptions(addPlaceOptions(command)).action(startEngines)
}

async function startEngines(given: EnginesOptions): Promise<void> {
  const { withConfiguration } = await import('./configured.ts')
  const options = await withConfiguration(given, 'ipcluster')
  const { enginePlan } = await import('../cluster/cluster-options.ts')
  const { parseEngines } = await import('../cluster/engine-sets.ts')
  const plan = enginePlan({
    ...options,
    engines: options.engines === undefined ? undefined : parseEngines(options.engines),
    engineArgs: options.engineArg,
  })
  const { n } = plan
  if (options.daemonize === true) {
    const { startDaemon } = await import('../cluster/daemon.ts')
    const { print } = await import('./print.ts')
    const args = [`--n=${n}`, ...(options.engineArg ?? []).map(arg => `--engine-arg=${arg}`)]
    if (options.timeout !== undefined) args.push(`--timeout=${options.timeout}`)
    if (options.python !== undefined) args.push(`--python=${options.python}`)
    if (options.engineCommand !== undefined) args.push(`--engine-command=${options.engineCommand}`)
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

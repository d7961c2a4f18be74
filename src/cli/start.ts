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
import { parseRecords } from './records.ts'
import { newCommand } from './run.ts'

interface StartOptions extends PlaceOptions, LogOptions {
  readonly n?: number
  readonly engines?: string
  readonly engineCommand?: string
  readonly python?: string
  readonly controller?: string
  readonly daemonize?: boolean
  readonly timeout?: number
  readonly ip?: string
  readonly location?: string
  readonly records?: 'sql' | 'memory' | 'none'
  readonly controllerArg?: readonly string[]
  readonly engineArg?: readonly string[]
  readonly json?: boolean
}

/** `ipcluster start`: a controller and n engines, kept until ^C, or in the background. */
export function startCommand(): Command {
  const command = newCommand('start', 'Start a controller and engines')
    .option(
      '-n, --n <count>',
      'number of engines (default: as many as this machine has cores)',
      parseEngineCount,
    )
    .option('--engines <what>', ENGINES_HELP)
    .option('--engine-command <command>', ENGINE_COMMAND_HELP)
    .option('--python <path>', PYTHON_HELP)
    .option('--controller <launcher>', 'what starts the controller: local')
    .option('--daemonize', 'go on in the background once the cluster is up')
    .option('--timeout <seconds>', 'how long the start may take (default: 60)', parseNumber('timeout', 0.001))
    .option('--ip <address>', 'address that the controller listens on (default: this machine only)')
    .option('--location <host>', 'name or address under which others reach the controller')
    .option(
      '--records <where>',
      'where the controller remembers what ran: sql, memory or none (default: sql, in the profile)',
      parseRecords,
    )
    .option('--controller-arg <arg>', 'further argument of ipcontroller; may be repeated', collect)
    .option('--engine-arg <arg>', 'further argument of ipengine; may be repeated', collect)
    .option('--json', 'with --daemonize: print what was started as JSON')
  return addLogOptions(addPlaceOptions(command)).action(start)
}

async function start(given: StartOptions): Promise<void> {
  const { withConfiguration } = await import('./configured.ts')
  const options = await withConfiguration(given, 'ipcluster')
  const { clusterPlan } = await import('../cluster/cluster-options.ts')
  const { parseEngines } = await import('../cluster/engine-sets.ts')
  const { findLauncher } = await import('../cluster/launcher.ts')
  const { profileName } = await import('../config/profile.ts')
  const plan = clusterPlan({
    ...options,
    engines: options.engines === undefined ? undefined : parseEngines(options.engines),
    controller: options.controller === undefined ? undefined : findLauncher(options.controller).name,
    controllerArgs: options.controllerArg,
    engineArgs: options.engineArg,
  })
  const where = `profile ${profileName(plan.profileDir)}${plan.clusterId === '' ? '' : `, cluster id ${plan.clusterId}`}`
  if (options.daemonize === true) {
    await startInBackground(plan, where, options)
    return
  }
  const { keep } = await import('./keep.ts')
  await keep(plan, options, {
    starting: `Starting a controller and ${plan.n} engines on ${where} …`,
    up: keeper =>
      `${keeper.engines.length} engines are up. ^C stops the cluster, and so does \`ipcluster stop\`.`,
  })
}

async function startInBackground(
  plan: { readonly profileDir: string; readonly clusterId: string; readonly n: number },
  where: string,
  options: StartOptions,
): Promise<void> {
  const { startDaemon } = await import('../cluster/daemon.ts')
  const { connectionFilePaths } = await import('../config/connection-files.ts')
  const { securityDirectory } = await import('../config/profile.ts')
  const { print, printJson } = await import('./print.ts')
  const { onEndingSignals } = await import('./signals.ts')
  const giveUp = new AbortController()
  onEndingSignals(signal => giveUp.abort(new Error(`the start was given up: ${signal}`)))
  const pid = await startDaemon('start', plan, daemonArguments(options, plan.n), { signal: giveUp.signal })
  const connectionFile = connectionFilePaths(securityDirectory(plan.profileDir), plan.clusterId).client
  if (options.json === true) printJson({ ...plan, pid, connectionFile })
  else if (options.quiet !== true) {
    print(
      `A controller and ${plan.n} engines are up on ${where} (process ${pid}). \`ipcluster stop\` stops them.`,
    )
  }
}

function daemonArguments(options: StartOptions, n: number): string[] {
  const args = [`--n=${n}`]
  const names = ['engines', 'python', 'controller', 'timeout', 'ip', 'location', 'records'] as const
  for (const name of names) if (options[name] !== undefined) args.push(`--${name}=${options[name]}`)
  if (options.engineCommand !== undefined) args.push(`--engine-command=${options.engineCommand}`)
  if (options.logLevel !== undefined) args.push(`--log-level=${options.logLevel}`)
  for (const arg of options.controllerArg ?? []) args.push(`--controller-arg=${arg}`)
  for (const arg of options.engineArg ?? []) args.push(`--engine-arg=${arg}`)
  return args
}

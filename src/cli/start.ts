import type { Command } from 'commander'
import {
  addEngineOptions,
  type EngineOptions,
  engineArguments,
  printScripts,
  readEngineOptions,
} from './engine-options.ts'
import { addLogOptions, addPlaceOptions, collect, type LogOptions, type PlaceOptions } from './options.ts'
import { parseRecords } from './records.ts'
import { newCommand } from './run.ts'

interface StartOptions extends PlaceOptions, LogOptions, EngineOptions {
  readonly controller?: string
  readonly daemonize?: boolean
  readonly ip?: string
  readonly location?: string
  readonly records?: 'sql' | 'memory' | 'none'
  readonly controllerArg?: readonly string[]
  readonly json?: boolean
}

/** `ipcluster start`: a controller and n engines, kept until ^C, or in the background. */
export function startCommand(): Command {
  const command = addEngineOptions(newCommand('start', 'Start a controller and engines'))
    .option(
      '--controller <launcher>',
      'what starts the controller: local, mpi, ssh (on controllerHost of its settings), or a batch system',
    )
    .option('--daemonize', 'go on in the background once the cluster is up')
    .option('--ip <address>', 'address that the controller listens on (default: this machine only)')
    .option('--location <host>', 'name or address under which others reach the controller')
    .option(
      '--records <where>',
      'where the controller remembers what ran: sql, memory or none (default: sql, in the profile)',
      parseRecords,
    )
    .option('--controller-arg <arg>', 'further argument of ipcontroller; may be repeated', collect)
    .option('--json', 'with --daemonize: print what was started as JSON')
  return addLogOptions(addPlaceOptions(command)).action(start)
}

async function start(given: StartOptions): Promise<void> {
  const { withConfiguration } = await import('./configured.ts')
  const options = await withConfiguration(given, 'ipcluster')
  const { clusterPlan } = await import('../cluster/cluster-options.ts')
  const { checkLauncher } = await import('../cluster/launchers.ts')
  const { profileName } = await import('../config/profile.ts')
  const plan = clusterPlan({
    ...options,
    ...(await readEngineOptions(options)),
    controller: options.controller === undefined ? undefined : checkLauncher(options.controller),
    controllerArgs: options.controllerArg,
  })
  if (options.dryRun === true) return printScripts(plan)
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
  const { profileDir, clusterId, n } = plan
  if (options.json === true) printJson({ profileDir, clusterId, n, pid, connectionFile })
  else if (options.quiet !== true) {
    print(
      `A controller and ${plan.n} engines are up on ${where} (process ${pid}). \`ipcluster stop\` stops them.`,
    )
  }
}

function daemonArguments(options: StartOptions, n: number): string[] {
  const args = engineArguments(options, n)
  const names = ['controller', 'ip', 'location', 'records'] as const
  for (const name of names) if (options[name] !== undefined) args.push(`--${name}=${options[name]}`)
  if (options.logLevel !== undefined) args.push(`--log-level=${options.logLevel}`)
  for (const arg of options.controllerArg ?? []) args.push(`--controller-arg=${arg}`)
  return args
}

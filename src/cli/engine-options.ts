/** What `ipcluster start` and `ipcluster engines` are told of the engines, in the same words. */

import process from 'node:process'
import type { Command } from 'commander'
import type { KeeperPlan } from '../cluster/keeper-plan.ts'
import type { LauncherSettings } from '../cluster/launchers.ts'
import { settingProblem } from '../config/setting-problem.ts'
import { UsageError } from '../errors.ts'
import { BATCH_HELP, collectBatch } from './batch-option.ts'
import { collect, parseEngineCount, parseNumber } from './options.ts'

export interface EngineOptions extends LauncherSettings {
  readonly n?: number
  readonly engines?: string
  readonly launcher?: string
  readonly engineCommand?: string
  readonly python?: string
  readonly timeout?: number
  readonly dryRun?: boolean
  readonly engineArg?: readonly string[]
  readonly launcherSettings?: Settings
  readonly export?: readonly string[]
}

type Settings = Readonly<Record<string, object>>

export function addEngineOptions(command: Command): Command {
  return command
    .option(
      '-n, --n <count>',
      'number of engines (default: as many as this machine has cores)',
      parseEngineCount,
    )
    .option(
      '--engines <what>',
      'what starts the engines (local, mpi, ssh, pbs, slurm, sge, lsf, htcondor), or which engines: node, python, or how many of each, as python:2,node:2',
    )
    .option(
      '--launcher <name>',
      'what starts the engines, where --engines says which they are (default: local)',
    )
    .option(
      '--engine-command <command>',
      "command of foreign engines; it is given what Python's ipengine takes",
    )
    .option(
      '--python <path>',
      'Python of the Python engines (default: the first python3 that has ipyparallel)',
    )
    .option('--timeout <seconds>', 'how long the start may take (default: 60)', parseNumber('timeout', 0.001))
    .option('--batch <setting>', BATCH_HELP, collectBatch)
    .option('--dry-run', 'print what would be submitted or run, and start nothing')
    .option('--engine-arg <arg>', 'further argument of ipengine; may be repeated', collect)
    .option(
      '--launcher-settings <json>',
      'settings of launchers, such as \'{"ssh":{"hosts":{"node1":4}}}\'; may be repeated',
      parseLauncherSettings,
    )
    .option(
      '--export <variable>',
      'environment variable that engines on other machines get, too; may be repeated',
      collect,
    )
}

/** The same options as a program takes them. */
export async function readEngineOptions(options: EngineOptions) {
  const { parseEngines } = await import('../cluster/engine-sets.ts')
  const { checkLauncher } = await import('../cluster/launchers.ts')
  return {
    n: options.n,
    engines: options.engines === undefined ? undefined : parseEngines(options.engines),
    launcher: options.launcher === undefined ? undefined : checkLauncher(options.launcher),
    engineCommand: options.engineCommand,
    python: options.python,
    timeout: options.timeout,
    batch: options.batch,
    engineArgs: options.engineArg,
    ...withGiven(options, options.launcherSettings ?? {}),
    ...(options.export !== undefined && { env: exported(options.export) }),
  }
}

/** The same options again, as arguments for the command that goes on in the background. */
export function engineArguments(options: EngineOptions, n: number): string[] {
  const {
    engines,
    launcher,
    engineCommand,
    python,
    timeout,
    batch,
    engineArg = [],
    launcherSettings,
    export: names = [],
  } = options
  return [
    `--n=${n}`,
    ...(engines === undefined ? [] : [`--engines=${engines}`]),
    ...(launcher === undefined ? [] : [`--launcher=${launcher}`]),
    ...(engineCommand === undefined ? [] : [`--engine-command=${engineCommand}`]),
    ...(python === undefined ? [] : [`--python=${python}`]),
    ...(timeout === undefined ? [] : [`--timeout=${timeout}`]),
    ...(batch === undefined ? [] : [`--batch=${JSON.stringify(batch)}`]),
    ...engineArg.map(arg => `--engine-arg=${arg}`),
    ...(launcherSettings === undefined ? [] : [`--launcher-settings=${JSON.stringify(launcherSettings)}`]),
    ...names.map(name => `--export=${name}`),
  ]
}

/** @throws UsageError for what is not JSON, or no settings of launchers. */
function parseLauncherSettings(text: string, before: Settings = {}): Settings {
  let given: Settings
  try {
    given = JSON.parse(text) as Settings
  } catch (error) {
    throw new UsageError(`--launcher-settings=${text}: this is not JSON: ${(error as Error).message}`)
  }
  const merged = { ...before, ...withGiven(before, given) }
  for (const [launcher, settings] of Object.entries(merged)) {
    const problem = settingProblem('ipcluster', launcher, settings)
    if (problem !== undefined) throw new UsageError(`--launcher-settings=${text}: ${launcher} ${problem}`)
  }
  return merged
}

/** What is given for each launcher, over what was said before. */
function withGiven(before: object, given: Settings): Settings {
  const said = before as Settings
  return Object.fromEntries(
    Object.entries(given).map(([launcher, settings]) => [launcher, { ...said[launcher], ...settings }]),
  )
}

function exported(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map(name => [name, process.env[name] ?? '']))
}

/** For `--dry-run`. */
export async function printScripts(plan: KeeperPlan): Promise<void> {
  const { planScripts } = await import('../cluster/cluster-options.ts')
  const { print } = await import('./print.ts')
  print(planScripts(plan).join('\n').trimEnd())
}

import process from 'node:process'
import type { Command } from 'commander'
import { taskName } from '../base/ids.ts'
import {
  addLogOptions,
  addPlaceOptions,
  type LogOptions,
  type PlaceOptions,
  parseInteger,
  parseNumber,
} from './options.ts'
import { newCommand } from './run.ts'

/** What `ipengine` understands. */
export interface EngineCommandOptions extends PlaceOptions, LogOptions {
  readonly file?: string
  readonly timeout?: number
  readonly id?: number
  readonly controllerTimeout?: number
  readonly mpi?: boolean
  readonly uuidPrefix?: string
  readonly taskVariable?: string
}

/** What the engine's uuid begins with. */
export function uuidPrefixOf({ uuidPrefix = '', taskVariable }: EngineCommandOptions): string {
  const task = taskVariable === undefined ? undefined : process.env[taskVariable]
  return task !== undefined && /^\d+$/.test(task) ? taskName(uuidPrefix, task) : uuidPrefix
}

/** `ipengine`: one engine, which joins a controller. */
export function engineCommand(name: string): Command {
  const command = newCommand(name, 'Run an engine: a process that runs code for the clients of a cluster')
    .option('--file <path>', 'connection file of the controller (default: that of the profile)')
    .option(
      '--timeout <seconds>',
      'how long to wait for the connection file (default: 10)',
      parseNumber('timeout', 0),
    )
    .option(
      '--id <number>',
      'number to ask the hub for; with --mpi, that of rank 0 (default: 0)',
      parseInteger('id', 0),
    )
    .option('--uuid-prefix <text>', "what the engine's uuid begins with, so that whoever started it knows it")
    .option(
      '--task-variable <name>',
      "environment variable with the engine's number in its job, which becomes part of its uuid",
    )
    .option(
      '--controller-timeout <seconds>',
      'end when the controller has been gone for so long (default: 60)',
      parseNumber('controller-timeout', 0.1),
    )
    .argument(
      '[command...]',
      "after --: the command of an engine of another make, such as Python's, to be run instead",
    )
  command.option(
    '--mpi',
    'one of several that mpiexec started: MPI is in the namespace, and the rank is the number',
  )
  addClassicFlags(addLogOptions(addPlaceOptions(command)))
  return command.action(async (foreign: string[], given: EngineCommandOptions) => {
    const { withConfiguration } = await import('./configured.ts')
    const options = await withConfiguration(given, 'ipengine')
    if (foreign.length > 0) {
      const { runForeignEngine } = await import('./run-foreign-engine.ts')
      await runForeignEngine(foreign, options)
      return
    }
    const { runEngine } = await import('./run-engine.ts')
    await runEngine(options)
  })
}

/** Python's spellings, so that scripts that call its ipengine may call ours. */
function addClassicFlags(command: Command): void {
  for (const option of ['--work-dir <path>', '--ipython-dir <path>', '--ssh <host>', '--location <host>']) {
    command.addOption(command.createOption(option).hideHelp())
  }
}

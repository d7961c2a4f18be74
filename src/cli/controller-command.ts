import type { Command } from 'commander'
import {
  addLogOptions,
  addPlaceOptions,
  type LogOptions,
  type PlaceOptions,
  parseInteger,
  parseNumber,
} from './options.ts'
import { addRecordsOptions, type RecordsOptions } from './records.ts'
import { newCommand } from './run.ts'

/** What `ipcontroller` understands. */
export interface ControllerCommandOptions extends PlaceOptions, LogOptions, RecordsOptions {
  readonly ip?: string
  readonly port?: number
  readonly ports?: string
  readonly location?: string
  readonly reuse?: boolean
  readonly ping?: number
  readonly hwm?: number
  readonly scheme?: string
}

/** `ipcontroller`: hub and schedulers of one cluster. */
export function controllerCommand(name: string): Command {
  const command = newCommand(name, 'Run a controller: the hub and the schedulers of one cluster')
    .option('--ip <address>', 'address to listen on; "*" for all (default: 127.0.0.1)')
    .option(
      '--port <port>',
      'port of the registration socket (default: any)',
      parseInteger('port', 1, 65_535),
    )
    .option('--ports <list>', 'ports to listen on, such as 10101-10120 or 10101,10103 (default: any)')
    .option('--location <host>', 'name or address under which others reach this machine')
    .option(
      '--reuse',
      'use the ports and the key of the connection files that are there, and leave them at the end',
    )
    .option(
      '--ping <ms>',
      'period of the heartbeat in milliseconds (default: 3000)',
      parseInteger('ping', 10),
    )
    .option(
      '--hwm <tasks>',
      'tasks that an engine may hold; 0: any number (default: by measure)',
      parseInteger('hwm', 0),
    )
    .option('--scheme <name>', 'how engines are chosen: leastload, lru, plainrandom, weighted, twobin')
  addClassicFlags(addLogOptions(addPlaceOptions(addRecordsOptions(command))))
  return command.action(async (given: ControllerCommandOptions) => {
    const { withConfiguration } = await import('./configured.ts')
    const options = await withConfiguration(given, 'ipcontroller')
    const { runController } = await import('./run-controller.ts')
    await runController(options)
  })
}

/** Python's spellings, so that scripts that call its ipcontroller may call ours. */
function addClassicFlags(command: Command): void {
  for (const flag of [
    '--dictdb',
    '--nodb',
    '--sqlitedb',
    '--init',
    '--restore',
    '--no-secure',
    '--usethreads',
  ]) {
    command.addOption(command.createOption(flag).hideHelp())
  }
  for (const option of [
    '--work-dir <path>',
    '--ipython-dir <path>',
    '--ssh <host>',
    '--enginessh <host>',
    '--ident <name>',
  ]) {
    command.addOption(command.createOption(option).hideHelp())
  }
  command.addOption(command.createOption('--nping <ms>').argParser(parseNumber('nping', 0)).hideHelp())
}

/**
 * What every command has in common: its options are parsed by commander, its errors become one message with a code on
 * stderr, and its exit code tells scripts how it went.
 */

import process from 'node:process'
import { inspect } from 'node:util'
import { Command, CommanderError } from 'commander'
import { UsageError } from '../errors.ts'
import { translateClassicArguments } from './classic-arguments.ts'
import { version } from './version.ts'

/** Exit codes of all commands. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const

/** A command with the house's habits: errors are thrown, not printed; `--debug` and `--version` are there. */
export function newCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .version(version(), '--version', 'print the version')
    .helpOption('--help', 'show this help')
    .helpCommand(false)
    .option('--debug', 'show where errors come from')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
}

/**
 * Runs a command to its end and sets the exit code of this process. Open handles of a command that goes on (a
 * controller, an engine) keep the process alive; this returns when its action does.
 */
export async function runCommand(command: Command, argv: readonly string[] = process.argv): Promise<void> {
  try {
    await command.parseAsync(translateClassicArguments(argv, command))
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return
    process.stderr.write(`${describe(error, command.name(), argv.includes('--debug'))}\n`)
    process.exitCode = isUsage(error) ? EXIT.usage : EXIT.failed
  }
}

function isUsage(error: unknown): boolean {
  return error instanceof CommanderError || error instanceof UsageError
}

function describe(error: unknown, name: string, withTrace: boolean): string {
  if (withTrace) return inspect(error)
  if (error instanceof CommanderError) return `${name}: ${plainText(error, name)} [ERR_USAGE]`
  if (!(error instanceof Error)) return `${name}: ${String(error)}`
  const code = (error as NodeJS.ErrnoException).code ?? 'ERR_INTERNAL'
  return `${name}: ${error.message} [${code}]`
}

function plainText(error: CommanderError, name: string): string {
  // Without a subcommand, commander shows the whole help as its error.
  if (error.code === 'commander.help') return `which command? \`${name} --help\` lists them`
  const text = error.message.replace(/^error: /, '').replaceAll('\n', ' ')
  return `${text}. \`${name} --help\` shows what there is`.replace('?). ', '?) ')
}

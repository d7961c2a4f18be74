/** How the programs of a cluster are called: by command line only, so that any system can run them. */

import { existsSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { ConfigurationError } from '../errors.ts'
import type { Program } from './launcher.ts'
import { reusingMemory } from './memory-reuse.ts'

export type ProgramName = 'ipcontroller' | 'ipengine' | 'ipcluster'

export interface ProgramPlace {
  readonly profileDir: string
  readonly clusterId: string
}

/** @throws ConfigurationError when the package was not built. */
export function findProgram(
  name: ProgramName,
  place: ProgramPlace,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Program {
  // The built program in any case: also when this file itself runs from its source.
  const path = fileURLToPath(new URL(`../../dist/cli/${name}.js`, import.meta.url))
  if (!existsSync(path)) {
    throw new ConfigurationError(
      `${path} is missing: the package is not built. Run \`npm run build\` in its folder.`,
    )
  }
  return {
    name,
    command: process.execPath,
    args: [path, ...placeArguments(place), ...args],
    env: reusingMemory({ ...process.env, ...env }),
    ownEnv: reusingMemory({ ...env }) as Record<string, string>,
    cwd: process.cwd(),
  }
}

/** The same program with further options of its own: before what it is to run, where it is to run something. */
export function withOptions(program: Program, options: readonly string[]): Program {
  const [path = '', ...args] = program.args
  return { ...program, args: [path, ...options, ...args] }
}

/** An engine as a rank of an MPI program. @param firstId - number of the engine that is rank 0. */
export function asRank(program: Program, firstId: number): Program {
  return withOptions(program, ['--mpi', `--id=${firstId}`])
}

/** The same program without an option of its own that was given as `--name=value`. */
export function withoutOption(program: Program, name: string): Program {
  const end = program.args.indexOf('--')
  const isIt = (arg: string, i: number): boolean => arg.startsWith(`${name}=`) && (end === -1 || i < end)
  return { ...program, args: program.args.filter((arg, i) => !isIt(arg, i)) }
}

/** Options that lead a program to its cluster. */
function placeArguments(place: ProgramPlace): string[] {
  return [`--profile-dir=${place.profileDir}`, `--cluster-id=${place.clusterId}`]
}

/** A command line to show: arguments with anything but plain characters are quoted. */
export function commandLine(program: Pick<Program, 'command' | 'args'>): string {
  return [program.command, ...program.args].map(quoteWord).join(' ')
}

/** A word of a shell's command line, as it is. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

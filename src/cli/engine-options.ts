/** What `ipcluster start` and `ipcluster engines` are told of the engines, in the same words. */

import type { Command } from 'commander'
import { collect, parseEngineCount, parseNumber } from './options.ts'

export interface EngineOptions {
  readonly n?: number
  readonly engines?: string
  readonly engineCommand?: string
  readonly python?: string
  readonly timeout?: number
  readonly engineArg?: readonly string[]
}

export function addEngineOptions(command: Command): Command {
  return command
    .option(
      '-n, --n <count>',
      'number of engines (default: as many as this machine has cores)',
      parseEngineCount,
    )
    .option(
      '--engines <what>',
      'what starts the engines (local), or which engines: node, python, or how many of each, as python:2,node:2',
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
    .option('--engine-arg <arg>', 'further argument of ipengine; may be repeated', collect)
}

/** The same options as a program takes them. */
export async function readEngineOptions(options: EngineOptions) {
  const { parseEngines } = await import('../cluster/engine-sets.ts')
  return {
    n: options.n,
    engines: options.engines === undefined ? undefined : parseEngines(options.engines),
    engineCommand: options.engineCommand,
    python: options.python,
    timeout: options.timeout,
    engineArgs: options.engineArg,
  }
}

/** The same options again, as arguments for the command that goes on in the background. */
export function engineArguments(options: EngineOptions, n: number): string[] {
  const { engines, engineCommand, python, timeout, engineArg = [] } = options
  return [
    `--n=${n}`,
    ...(engines === undefined ? [] : [`--engines=${engines}`]),
    ...(engineCommand === undefined ? [] : [`--engine-command=${engineCommand}`]),
    ...(python === undefined ? [] : [`--python=${python}`]),
    ...(timeout === undefined ? [] : [`--timeout=${timeout}`]),
    ...engineArg.map(arg => `--engine-arg=${arg}`),
  ]
}

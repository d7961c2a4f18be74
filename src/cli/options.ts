/** Options that several commands share, under the same names and with the same meaning. */

import type { Command } from 'commander'
import { UsageError } from '../errors.ts'

/** Which cluster is meant. */
export interface PlaceOptions {
  readonly profile?: string
  readonly profileDir?: string
  readonly clusterId?: string
}

export interface LogOptions {
  readonly logLevel?: LogLevel
  readonly logToFile?: boolean
  readonly quiet?: boolean
  readonly debug?: boolean
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export function addPlaceOptions(command: Command): Command {
  return command
    .option('--profile <name>', 'profile to use (default: "default")')
    .option('--profile-dir <path>', 'directory of the profile; wins over its name')
    .option('--cluster-id <id>', 'tells clusters of one profile apart')
}

export function addLogOptions(command: Command): Command {
  return command
    .option(
      '--log-level <level>',
      'debug, info, warn or error, or a number as Python writes it',
      parseLogLevel,
    )
    .option('--log-to-file', "write the log into the profile's log folder")
    .option('--quiet', 'say nothing but errors')
}

/** @throws UsageError when it is no level. */
export function parseLogLevel(text: string): LogLevel {
  const names: Record<string, LogLevel> = {
    debug: 'debug',
    info: 'info',
    warn: 'warn',
    warning: 'warn',
    error: 'error',
    critical: 'error',
  }
  const named = names[text.toLowerCase()]
  if (named !== undefined) return named
  // Python's levels: 10 debug, 20 info, 30 warning, 40 error, 50 critical; 0 lets everything through.
  const level = text === '' ? Number.NaN : Number(text)
  if (Number.isNaN(level)) {
    throw new UsageError(`${JSON.stringify(text)} is no log level: use debug, info, warn or error`)
  }
  return level <= 10 ? 'debug' : level <= 20 ? 'info' : level <= 30 ? 'warn' : 'error'
}

/** A parser for a number within bounds, for an option of this name. */
export function parseNumber(
  option: string,
  min: number,
  max = Number.POSITIVE_INFINITY,
): (text: string) => number {
  return text => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (value >= min && value <= max) return value
    const range =
      max === Number.POSITIVE_INFINITY ? `a number from ${min} up` : `a number from ${min} to ${max}`
    throw new UsageError(`--${option}=${text}: give ${range}`)
  }
}

/** As parseNumber, for whole numbers. */
export function parseInteger(
  option: string,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): (text: string) => number {
  const parse = parseNumber(option, min, max)
  return text => {
    const value = parse(text)
    if (Number.isInteger(value)) return value
    throw new UsageError(`--${option}=${text}: give a whole number`)
  }
}

/** The number of engines to start. */
export function parseEngineCount(text: string): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN
  if (value >= 1 && Number.isSafeInteger(value)) return value
  const hint =
    value === 0 ? '. A cluster needs at least one; more can join later with `ipcluster engines --n=4`' : ''
  throw new UsageError(`--n=${text}: give the number of engines, such as --n=4${hint}`)
}

/** Collects an option that may be given several times. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value]
}

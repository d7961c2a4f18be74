/** Where commands write their log: lines for people on stderr, or JSON lines in a file of the profile. */

import { writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { LogFields, Logger } from '../base/log.ts'
import { logDirectory, makePrivateDirectory } from '../config/profile.ts'
import type { LogLevel, LogOptions } from './options.ts'

const RANK: Record<LogLevel, number> = { debug: 10, info: 20, warn: 30, error: 40 }
const HELD_LINES_MAX = 200

type Sink = (level: LogLevel, message: string, fields?: LogFields) => void

export interface LogPlace {
  /** Name of the program, such as `ipcontroller`. */
  readonly program: string
  readonly profileDir: string
  readonly clusterId: string
}

/** The log of a program, as its options say. Default: on stderr; all but details for people, warnings for others. */
export async function openLog(place: LogPlace, options: LogOptions): Promise<Logger> {
  const usual = options.debug === true ? 'debug' : process.stderr.isTTY ? 'info' : 'warn'
  const level = options.quiet === true ? 'error' : (options.logLevel ?? usual)
  const sink = options.logToFile === true ? await fileSink(place) : stderrSink(place.program)
  return atLevel(level, sink)
}

/**
 * The log of a program without a terminal: a file that is made when there is a first warning, and then tells what led to
 * it as well. With a level, everything from that level on is written.
 */
export function openDaemonLog(place: LogPlace, level: LogLevel | undefined): Logger {
  const held: Parameters<Sink>[] = []
  let open: Promise<Sink> | undefined
  const threshold = RANK[level ?? 'warn']
  return atLevel('debug', (...line) => {
    if (RANK[line[0]] < threshold && open === undefined) {
      held.push(line)
      if (held.length > HELD_LINES_MAX) held.shift()
      return
    }
    open ??= fileSink(place)
    const before = held.splice(0)
    // A log that cannot be written has nowhere to be complained about.
    open
      .then(sink => {
        for (const entry of [...before, line]) sink(...entry)
      })
      .catch(() => {})
  })
}

function atLevel(level: LogLevel, sink: Sink): Logger {
  const method = (own: LogLevel) => (message: string, fields?: LogFields) => {
    if (RANK[own] >= RANK[level]) sink(own, message, fields)
  }
  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') }
}

function stderrSink(program: string): Sink {
  return (level, message, fields) => {
    const time = new Date().toISOString().replace('T', ' ').slice(0, 23)
    const facts = fields === undefined ? '' : ` ${JSON.stringify(fields)}`
    writeLine(`${time} [${program}] ${level}: ${message}${facts}\n`)
  }
}

/** Straight to the descriptor: an engine's `process.stderr` is what user code prints, and goes to the clients. */
function writeLine(line: string): void {
  try {
    writeSync(2, line)
  } catch {
    // Nobody reads it any more.
  }
}

async function fileSink({ program, profileDir, clusterId }: LogPlace): Promise<Sink> {
  const { pino } = await import('pino')
  const folder = logDirectory(profileDir)
  makePrivateDirectory(folder)
  const path = join(folder, `${program}-${clusterId}-${process.pid}.log`)
  const destination = pino.destination({ dest: path, sync: true, mode: 0o600 })
  const log = pino({ level: 'debug', base: { program }, redact: ['key', '*.key'] }, destination)
  return (level, message, fields) => log[level](fields ?? {}, message)
}

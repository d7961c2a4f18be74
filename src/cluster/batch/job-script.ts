/** The script of a job, as a pure function of what it is to run and what is set. It never holds the cluster's key. */

import { join } from 'node:path'
import { memoryMib, walltimeSeconds } from '../../config/quantities.ts'
import { ConfigurationError, UsageError } from '../../errors.ts'
import type { Program } from '../launcher.ts'
import type { MpiSettings } from '../mpi-launcher.ts'
import { commandLine, quoteWord, withOptions } from '../program.ts'
import type { BatchSettings } from './batch-settings.ts'
import type { BatchSystem, JobFiles, JobNeeds } from './batch-system.ts'
import { fillTemplate } from './template.ts'

/** What is submitted. */
export interface JobScript {
  readonly files: JobFiles
  readonly needs: JobNeeds
  readonly script: string
  /** What is submitted in the script's place, where the system wants a description. */
  readonly description: string | undefined
}

export interface JobScriptOptions {
  readonly system: BatchSystem
  readonly program: Program
  readonly count: number
  readonly settings: BatchSettings
  /** How `mpiexec` is called. */
  readonly mpi?: MpiSettings | undefined
  /** Engines on each machine, where others of the same kind run already: as many as these have. */
  readonly perNode?: number | undefined
  /** Text of `settings.templateFile`. */
  readonly templateText?: string | undefined
  /** Where scripts and logs go. */
  readonly folder: string
  /** Tells this job's files from those of others. */
  readonly tag: string
}

/**
 * The script that starts `count` copies of a program.
 *
 * @throws ConfigurationError for a setting that cannot be used, with the line where that is in a template.
 */
export function jobScript(options: JobScriptOptions): JobScript {
  const { system, settings } = options
  if (settings.template !== undefined && settings.templateFile !== undefined)
    throw new UsageError('batch: give either template or templateFile, not both')
  const files = filesOf(options)
  const template = settings.template ?? options.templateText
  const needs = needsOf(options, files, template)
  // By this an engine and the system's word about its task are brought together.
  const program = needs.isArray
    ? withOptions(options.program, [`--task-variable=${system.taskVariable}`])
    : options.program
  const mine = { ...options, program }
  const script = template === undefined ? ownScript(mine, needs) : fromTemplate(mine, needs, template)
  const description = system.describe?.(needs, files, settings.directives ?? [])
  return { files, needs, script, description }
}

/** The files of a job whose paths begin so. */
export function filesAt(base: string): JobFiles {
  return { script: `${base}.sh`, description: `${base}.sub`, log: base }
}

function filesOf({ folder, system, program, tag }: JobScriptOptions): JobFiles {
  const base = join(folder, `${system.name}-${program.name}-${tag}`)
  if (/\s/.test(base))
    throw new ConfigurationError(
      `${folder}: job scripts cannot name a folder with white space: use another profile folder`,
    )
  return filesAt(base)
}

/** How many engines are put on each machine. */
export function enginesPerNode(count: number, { nodes = 1 }: BatchSettings): number {
  return Math.ceil(count / nodes)
}

function needsOf(options: JobScriptOptions, files: JobFiles, template: string | undefined): JobNeeds {
  const { settings, program, count, system, mpi } = options
  const { queue, account, walltime, memory, cpus, array = true } = settings
  // A controller is one process.
  const isEngine = program.name === 'ipengine'
  const nodes = isEngine ? settings.nodes : undefined
  const areRanks = isEngine && settings.mpi === true
  const spread = options.perNode ?? enginesPerNode(count, settings)
  // A template that does not say how many there are is one for a single engine: each is a task of an array.
  const startsAll = template !== undefined && /\{n\b/.test(template)
  const mayBeArray = nodes === undefined && !areRanks && !startsAll && count > 1
  const needs = {
    name: program.name,
    queue,
    account,
    walltimeSeconds: walltime === undefined ? undefined : walltimeSeconds(walltime),
    nodes: nodes === undefined ? undefined : Math.ceil(count / spread),
    perNode: nodes === undefined ? count : Math.min(spread, count),
    memoryMib: memory === undefined ? undefined : memoryMib(memory),
    cpus,
    count,
    isArray: false,
    areRanks,
    mpiexec: [mpi?.command ?? 'mpiexec', ...(mpi?.args ?? [])].map(quoteWord).join(' '),
    log: files.log,
  }
  const isArray = mayBeArray && (array || system.starter(needs) === undefined)
  return isArray ? { ...needs, isArray, perNode: 1 } : needs
}

function ownScript(options: JobScriptOptions, needs: JobNeeds): string {
  const { system, settings } = options
  const directives = system.describe === undefined ? directivesOf(system, needs, settings) : []
  return lines(
    '#!/bin/sh',
    ...directives,
    ...redirection(system, needs),
    changeFolder(options.program),
    ...environmentOf(options),
    ...prologueOf(settings),
    start(options, needs),
  )
}

function directivesOf(system: BatchSystem, needs: JobNeeds, settings: BatchSettings): string[] {
  const array = needs.isArray ? system.arrayDirective(needs) : undefined
  return [
    ...system.directives(needs),
    ...(array === undefined ? [] : [array]),
    ...(settings.directives ?? []),
  ].map(directive => `${system.prefix}${directive}`)
}

/** The system would bring the output back only when the job has ended. */
function redirection(system: BatchSystem, needs: JobNeeds): string[] {
  if (!system.writesLate) return []
  const task = needs.isArray ? `-"\${${system.taskVariable}}"` : ''
  return [`exec >${quoteWord(needs.log)}${task}.out 2>&1`]
}

function changeFolder(program: Program): string {
  return `cd ${quoteWord(program.cwd)} || exit 1`
}

function environmentOf({ program, settings }: JobScriptOptions): string[] {
  return Object.entries({ ...program.ownEnv, ...settings.environment }).map(([name, value]) => {
    if (/^[A-Za-z_]\w*$/.test(name)) return `export ${name}=${quoteWord(value)}`
    throw new ConfigurationError(`${JSON.stringify(name)} is no name of an environment variable`)
  })
}

function prologueOf({ prologue }: BatchSettings): readonly string[] {
  return prologue === undefined || typeof prologue === 'string' ? [prologue ?? ''].filter(Boolean) : prologue
}

/** One program takes the place of the shell, so that signals of the system reach it. */
function start({ program, system, count }: JobScriptOptions, needs: JobNeeds): string {
  const command = commandLine(program)
  if (needs.areRanks) return `exec ${system.starter(needs)} ${command}`
  if (needs.isArray || count === 1) return `exec ${command}`
  if (needs.nodes !== undefined) return `exec ${system.starter(needs)} ${command}`
  return lines(
    "trap 'kill $(jobs -p) 2>/dev/null; wait; exit 143' TERM",
    `for i in $(seq ${count}); do`,
    `  ${command} &`,
    'done',
    'wait',
  ).trimEnd()
}

function fromTemplate(options: JobScriptOptions, needs: JobNeeds, template: string): string {
  const { program, settings, system, count, folder } = options
  const where = settings.templateFile ?? 'batch.template'
  if (!/\{(command|program|program_and_args)\}/.test(template))
    throw new ConfigurationError(
      `${where} starts nothing: put {command} where the program goes, alone or after a starter such as \`mpiexec -n {n} {command}\``,
    )
  const command = commandLine(program)
  const text = fillTemplate(
    template,
    {
      command,
      program: command,
      program_and_args: command,
      n: count,
      name: needs.name,
      queue: settings.queue,
      account: settings.account,
      walltime: settings.walltime,
      nodes: settings.nodes,
      memory: settings.memory,
      cpus: settings.cpus,
      prologue: prologueOf(settings).join('\n'),
      environment: environmentOf(options).join('\n'),
      log: needs.log,
      folder,
      cwd: program.cwd,
      profile_dir: optionOf(program, 'profile-dir'),
      cluster_id: optionOf(program, 'cluster-id'),
    },
    where,
  )
  if (!needs.isArray) return text
  const array = system.arrayDirective(needs)
  if (array === undefined) return text
  const [first = '', ...rest] = text.split('\n')
  return first.startsWith('#!')
    ? [first, `${system.prefix}${array}`, ...rest].join('\n')
    : `#!/bin/sh\n${system.prefix}${array}\n${text}`
}

function optionOf(program: Program, name: string): string {
  return program.args.find(arg => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? ''
}

function lines(...texts: readonly string[]): string {
  return `${texts.join('\n')}\n`
}

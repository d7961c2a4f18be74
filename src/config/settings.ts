/**
 * What configuration files may say, a table a program: each setting with what it means, an example, and what values it
 * takes. The files that `itsparallel profile create` writes, the checks of those that are read, and the names that errors
 * propose all come from here.
 */

import * as v from 'valibot'
import { ENGINE_LANGUAGES, LAUNCHER_NAMES } from './launcher-names.ts'
import { nearest } from './nearest.ts'
import { memoryMib, walltimeSeconds } from './quantities.ts'

/** Programs that have a configuration file. */
export const CONFIGURED_PROGRAMS = ['ipcluster', 'ipcontroller', 'ipengine'] as const
export type ConfiguredProgram = (typeof CONFIGURED_PROGRAMS)[number]

export interface Setting {
  /** A sentence for people. */
  readonly doc: string
  /** A value as it might stand in a file. */
  readonly example: unknown
  readonly schema: v.GenericSchema
}

export type Settings = Readonly<Record<string, Setting>>

const text = v.pipe(v.string(), v.minLength(1, 'must not be empty'))
const texts = v.array(v.string())
const flag = v.boolean()
const seconds = v.pipe(v.number(), v.minValue(0.001, 'must be a number of seconds above 0'))
const count = v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(1, 'must be at least 1'))
const port = v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(1), v.maxValue(65_535))
const records = v.picklist(['sql', 'memory', 'none'], 'must be sql, memory or none')
const logLevel = v.picklist(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error')
const variables = v.record(v.string(), v.string())

/** Text that is one of these names. */
function nameOf(names: readonly string[]) {
  return v.pipe(
    text,
    v.check(
      name => names.includes(name),
      ({ input }) => {
        const [near] = nearest(input, names)
        return `must be one of ${names.join(', ')}${near === undefined ? '' : ` (did you mean ${near}?)`}`
      },
    ),
  )
}

const walltime = v.pipe(
  v.union([text, count], 'must be a time'),
  v.check(
    time => walltimeSeconds(time) !== undefined,
    "must be seconds, or hours, minutes and seconds such as '01:30:00'",
  ),
)
const memory = v.pipe(
  text,
  v.check(size => memoryMib(size) !== undefined, "must be a number and a unit, such as '4G' or '500M'"),
)

const hosts = v.union(
  [texts, v.record(v.string(), count)],
  'must be a list of hosts, or how many engines on each',
)

const LAUNCHERS: Settings = {
  batch: {
    doc: 'What jobs of batch systems (pbs, slurm, sge, lsf, htcondor) are given; docs/batch.md has all of it.',
    example: { queue: 'debug', walltime: '01:30:00', memory: '4G', prologue: ['module load node'] },
    schema: v.strictObject({
      queue: v.optional(text),
      account: v.optional(text),
      walltime: v.optional(walltime),
      nodes: v.optional(count),
      mpi: v.optional(flag),
      array: v.optional(flag),
      memory: v.optional(memory),
      cpus: v.optional(count),
      prologue: v.optional(v.union([v.string(), texts], 'must be lines of shell')),
      environment: v.optional(variables),
      directives: v.optional(texts),
      template: v.optional(text),
      templateFile: v.optional(text),
    }),
  },
  mpi: {
    doc: 'How mpiexec is called, for what the mpi launcher starts and the ranks of batch jobs.',
    example: { command: '/opt/openmpi/bin/mpiexec', args: ['--oversubscribe'] },
    schema: v.strictObject({ command: v.optional(text), args: v.optional(texts) }),
  },
  ssh: {
    doc: 'Hosts of the ssh launcher with how many engines each, or the host of the controller (controllerHost), and how they are reached; ~/.ssh/config counts as well.',
    example: { hosts: { node1: 4, node2: 8 }, args: ['-i', '/home/me/.ssh/cluster_key'], tunnel: 'auto' },
    schema: v.strictObject({
      hosts: v.optional(hosts),
      controllerHost: v.optional(text),
      controllerUser: v.optional(text),
      command: v.optional(text),
      args: v.optional(texts),
      node: v.optional(text),
      packagePath: v.optional(text),
      tunnel: v.optional(v.union([v.boolean(), v.literal('auto')], 'must be true, false or auto')),
      connectTimeout: v.optional(seconds),
    }),
  },
}

const LOG: Settings = {
  logLevel: { doc: 'How much the log tells: debug, info, warn or error.', example: 'info', schema: logLevel },
  logToFile: { doc: "Write the log into the profile's log folder.", example: true, schema: flag },
}

export const SETTINGS: Readonly<Record<ConfiguredProgram, Settings>> = {
  ipcluster: {
    n: { doc: 'How many engines. Default: as many as the machine has cores.', example: 4, schema: count },
    engines: {
      doc: 'What starts the engines (a launcher, or the classic name of one), or which engines: node, python, or how many of each.',
      example: 'mpi',
      schema: v.union([nameOf([...LAUNCHER_NAMES, ...ENGINE_LANGUAGES]), v.record(v.string(), count)]),
    },
    launcher: {
      doc: 'What starts the engines, where engines says which they are.',
      example: 'ssh',
      schema: nameOf(LAUNCHER_NAMES),
    },
    controller: {
      doc: 'What starts the controller: local, mpi, ssh, or a batch system.',
      example: 'local',
      schema: nameOf(LAUNCHER_NAMES),
    },
    engineCommand: {
      doc: "Command of foreign engines; it is given what Python's ipengine takes.",
      example: 'conda run -n sim ipengine',
      schema: text,
    },
    python: { doc: 'The Python of Python engines.', example: '/usr/bin/python3', schema: text },
    timeout: { doc: 'Seconds that the start may take.', example: 60, schema: seconds },
    ip: {
      doc: 'Address that the controller listens on. Default: this machine only.',
      example: '*',
      schema: text,
    },
    location: {
      doc: "Name or address under which other machines find the controller's.",
      example: 'login1.cluster.example',
      schema: text,
    },
    records: {
      doc: 'Where the controller remembers what ran: sql, memory or none.',
      example: 'sql',
      schema: records,
    },
    controllerArgs: { doc: 'Further arguments of ipcontroller.', example: ['--ping=500'], schema: texts },
    engineArgs: {
      doc: 'Further arguments of ipengine.',
      example: ['--controller-timeout=120'],
      schema: texts,
    },
    env: {
      doc: 'Environment variables of the engines.',
      example: { OMP_NUM_THREADS: '1' },
      schema: variables,
    },
    ...LAUNCHERS,
    ...LOG,
  },
  ipcontroller: {
    ip: { doc: 'Address to listen on; * for all. Default: this machine only.', example: '*', schema: text },
    location: {
      doc: 'Name or address under which other machines find this one.',
      example: 'login1.cluster.example',
      schema: text,
    },
    port: { doc: 'Port of the registration socket. Default: any.', example: 10_101, schema: port },
    ports: { doc: 'Ports to listen on. Default: any.', example: '10101-10120', schema: text },
    reuse: {
      doc: 'Use the ports and the key of the connection files that are there, and leave them at the end.',
      example: true,
      schema: flag,
    },
    ping: {
      doc: 'Period of the heartbeat in milliseconds.',
      example: 3000,
      schema: v.pipe(v.number(), v.minValue(10, 'must be at least 10')),
    },
    hwm: {
      doc: 'Tasks that an engine may hold; 0: any number. Default: by measure.',
      example: 1,
      schema: v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(0)),
    },
    scheme: {
      doc: 'How engines are chosen.',
      example: 'leastload',
      schema: v.picklist(
        ['leastload', 'lru', 'plainrandom', 'weighted', 'twobin'],
        'must be leastload, lru, plainrandom, weighted or twobin',
      ),
    },
    records: {
      doc: 'Where requests and results are remembered: sql, memory or none.',
      example: 'sql',
      schema: records,
    },
    recordsFile: { doc: 'Database of the records.', example: '/scratch/me/records.db', schema: text },
    recordsMax: { doc: 'How many records are kept.', example: 100_000, schema: count },
    recordsMib: { doc: 'How many MiB they may hold.', example: 1024, schema: seconds },
    recordsDays: { doc: 'How many days a database keeps them.', example: 30, schema: v.number() },
    ...LOG,
  },
  ipengine: {
    file: {
      doc: "The controller's connection file. Default: that of the profile.",
      example: '/path/to/ipcontroller-engine.json',
      schema: text,
    },
    timeout: { doc: 'Seconds to wait for the connection file.', example: 10, schema: seconds },
    controllerTimeout: {
      doc: 'Seconds that the controller may be gone before the engine ends.',
      example: 60,
      schema: seconds,
    },
    mpi: {
      doc: 'Join the processes that mpiexec started, and have MPI in the namespace.',
      example: true,
      schema: flag,
    },
    ...LOG,
  },
}

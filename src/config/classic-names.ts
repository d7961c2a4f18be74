/**
 * The names by which IPython's configuration calls things: `IPClusterEngines.engine_launcher_class`, in files and on the
 * command line. What a classic name sets is one of our own settings.
 *
 * Source: the traits of ipyparallel 7 to 9 (cluster/app.py, controller/app.py, engine/app.py) and of IPython.parallel 1.
 */

import type { ConfiguredProgram } from './settings.ts'

interface Meaning {
  readonly program: ConfiguredProgram
  readonly key: string
  /** From the classic value to ours. Default: as it is. */
  readonly convert?: (value: unknown) => unknown
}

/** Class of a launcher to our name of it: `MPIEngineSetLauncher` to `mpi`. */
const LAUNCHER_CLASS =
  /^(?:ipyparallel\.cluster\.launcher\.)?(Local|MPI|MPIExec|SSH|SSHProxy|PBS|Torque|Slurm|SGE|LSF|HTCondor|Condor)(?:EngineSet|Engine|Controller)?(?:Launcher)?$/i

const LAUNCHERS: Readonly<Record<string, string>> = {
  mpiexec: 'mpi',
  sshproxy: 'ssh',
  torque: 'pbs',
  condor: 'htcondor',
}

/** Our name of a launcher; names that are no classic class stay as they are. */
export function launcherByClass(name: unknown): unknown {
  const kind = typeof name === 'string' ? LAUNCHER_CLASS.exec(name)?.[1]?.toLowerCase() : undefined
  return kind === undefined ? name : (LAUNCHERS[kind] ?? kind)
}

/** Commands are lists there, whose first word is the program. */
function firstWord(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value
}

/** Engines by host: a number, or a list or an object that says more. */
function countsByHost(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const count = (entry: unknown): unknown =>
    Array.isArray(entry)
      ? entry[0]
      : typeof entry === 'object' && entry !== null
        ? (entry as { n?: unknown }).n
        : entry
  return Object.fromEntries(Object.entries(value).map(([host, entry]) => [host, count(entry)]))
}

const RECORDS: Readonly<Record<string, string>> = { sqlitedb: 'sql', dictdb: 'memory', nodb: 'none' }

function recordsByClass(name: unknown): unknown {
  const kind = typeof name === 'string' ? name.split('.').at(-1)!.toLowerCase() : ''
  return RECORDS[kind] ?? name
}

function levelByNumber(value: unknown): unknown {
  if (typeof value !== 'number') return typeof value === 'string' ? value.toLowerCase() : value
  return value <= 10 ? 'debug' : value <= 20 ? 'info' : value <= 30 ? 'warn' : 'error'
}

const cluster = (key: string, convert?: Meaning['convert']): Meaning => meaning('ipcluster', key, convert)
const controller = (key: string, convert?: Meaning['convert']): Meaning =>
  meaning('ipcontroller', key, convert)
const engine = (key: string, convert?: Meaning['convert']): Meaning => meaning('ipengine', key, convert)

function meaning(program: ConfiguredProgram, key: string, convert: Meaning['convert']): Meaning {
  return convert === undefined ? { program, key } : { program, key, convert }
}

/** The classes by which batch systems are configured, for the engines' jobs and for the controller's. */
const BATCH_CLASSES = [
  'BatchSystemLauncher',
  ...['PBS', 'Torque', 'Slurm', 'SGE', 'LSF', 'HTCondor', 'Condor'].flatMap(system => [
    `${system}Launcher`,
    `${system}EngineSetLauncher`,
    `${system}ControllerLauncher`,
  ]),
]

const BATCH_TRAITS: Readonly<Record<string, string>> = {
  queue: 'queue',
  account: 'account',
  timelimit: 'walltime',
  batch_template: 'template',
  batch_template_file: 'templateFile',
}

const MPI_CLASSES = [
  'MPILauncher',
  'MPIControllerLauncher',
  'MPIEngineSetLauncher',
  'MPIExecLauncher',
  'MPIExecControllerLauncher',
  'MPIExecEngineSetLauncher',
]
const SSH_CLASSES = ['SSHLauncher', 'SSHControllerLauncher', 'SSHEngineLauncher', 'SSHEngineSetLauncher']

/** What a class of launchers inherits is its subclasses' as well; here both set the same. */
function inherited(
  classes: readonly string[],
  traits: Readonly<Record<string, Meaning>>,
): Record<string, Meaning> {
  return Object.fromEntries(
    classes.flatMap(name => Object.entries(traits).map(([trait, what]) => [`${name}.${trait}`, what])),
  )
}

const CLASSIC: Readonly<Record<string, Meaning>> = {
  ...inherited(
    BATCH_CLASSES,
    Object.fromEntries(Object.entries(BATCH_TRAITS).map(([trait, key]) => [trait, cluster(`batch.${key}`)])),
  ),
  ...inherited(MPI_CLASSES, {
    mpi_cmd: cluster('mpi.command', firstWord),
    mpi_args: cluster('mpi.args'),
  }),
  ...inherited(SSH_CLASSES, {
    ssh_cmd: cluster('ssh.command', firstWord),
    ssh_args: cluster('ssh.args'),
  }),
  'IPClusterEngines.engine_launcher_class': cluster('engines', launcherByClass),
  'IPClusterEngines.engine_set_launcher_class': cluster('engines', launcherByClass),
  'IPClusterEngines.n': cluster('n'),
  'IPClusterStart.controller_launcher_class': cluster('controller', launcherByClass),
  'IPClusterStart.controller_ip': cluster('ip'),
  'IPClusterStart.controller_location': cluster('location'),
  'IPClusterStart.n': cluster('n'),
  'Cluster.engine_launcher_class': cluster('engines', launcherByClass),
  'Cluster.controller_launcher_class': cluster('controller', launcherByClass),
  'Cluster.controller_ip': cluster('ip'),
  'Cluster.controller_location': cluster('location'),
  'Cluster.controller_args': cluster('controllerArgs'),
  'Cluster.engine_timeout': cluster('timeout'),
  'Cluster.n': cluster('n'),
  'SSHEngineSetLauncher.engines': cluster('ssh.hosts', countsByHost),
  'SSHControllerLauncher.hostname': cluster('ssh.controllerHost'),
  'SSHControllerLauncher.user': cluster('ssh.controllerUser'),
  'SSHControllerLauncher.location': cluster('ssh.controllerHost'),
  'IPController.ip': controller('ip'),
  'IPController.location': controller('location'),
  'IPController.ports': controller('ports'),
  'IPController.reuse_files': controller('reuse'),
  'IPController.db_class': controller('records', recordsByClass),
  'IPController.log_level': controller('logLevel', levelByNumber),
  'HubFactory.ip': controller('ip'),
  'HubFactory.location': controller('location'),
  'HubFactory.db_class': controller('records', recordsByClass),
  'HeartMonitor.period': controller('ping'),
  'TaskScheduler.hwm': controller('hwm'),
  'TaskScheduler.scheme_name': controller('scheme'),
  'IPEngine.timeout': engine('timeout'),
  'IPEngine.url_file': engine('file'),
  'IPEngineApp.url_file': engine('file'),
  'IPEngine.log_level': engine('logLevel', levelByNumber),
}

export const CLASSIC_NAMES: readonly string[] = Object.keys(CLASSIC)

/** What a classic name sets; undefined where we have no such setting. */
export function classicMeaning(name: string): Meaning | undefined {
  return Object.hasOwn(CLASSIC, name) ? CLASSIC[name] : undefined
}

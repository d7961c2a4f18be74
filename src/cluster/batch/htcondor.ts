import { ConfigurationError } from '../../errors.ts'
import { type BatchSystem, given, type JobFiles, type JobNeeds, type JobRow, taskOf } from './batch-system.ts'

/** Attributes of jobs, by their names in the manual's appendix "Job ClassAd Attributes". */
const COLUMNS = [
  'ClusterId',
  'ProcId',
  'JobStatus',
  'ExitCode',
  'ExitSignal',
  'HoldReasonCode',
  'HoldReason',
  'RemoveReason',
]
/** Codes of those that somebody has put on hold, and may let go: the others are held since they cannot run, or no longer. */
const HELD_BY_USER = ['1', '15', '16']
const STUCK = 'held'

/** HTCondor. What is submitted is a description of the job; the script is what it runs. */
export const htcondor: BatchSystem = {
  name: 'htcondor',
  title: 'HTCondor',
  manual: 'https://htcondor.readthedocs.io/en/latest/man-pages/condor_q.html',
  prefix: '',
  // Ours: the description sets it.
  taskVariable: 'ITSPARALLEL_TASK',
  firstTask: 0,
  writesLate: false,
  directives: () => [],
  arrayDirective: () => undefined,
  starter: () => undefined,
  describe,
  submit: files => ({ command: 'condor_submit', args: ['-terse', files.description] }),
  // `12.0 - 12.3`: the first and the last process of cluster 12.
  readJobId: answer => /^(\d+)\.\d+ - \d+\.\d+$/m.exec(answer.trim())?.[1],
  status: ids => ({
    command: 'condor_q',
    args: [...ids, '-autoformat:t', ...COLUMNS],
  }),
  readStatus: answer => answer.split('\n').flatMap(readRow),
  noSuchJob: /^$/,
  states: {
    '1': 'waiting',
    '2': 'running',
    '3': 'failed',
    '4': 'ended',
    '5': 'held',
    [STUCK]: 'stuck',
    '6': 'running',
    '7': 'running',
  },
  // condor_history(1): a job leaves the queue as soon as it has ended.
  history: id => ({ command: 'condor_history', args: [id, '-autoformat:t', ...COLUMNS] }),
  taskId: (id, task) => `${id}.${task}`,
  cancel: id => ({ command: 'condor_rm', args: [id] }),
  kill: id => ({ command: 'condor_rm', args: ['-forcex', id] }),
  // Any other needs `kill_sig` in the description: condor_suspend(1), condor_continue(1).
  signal: (id, signal) => {
    const command = { SIGSTOP: 'condor_suspend', SIGCONT: 'condor_continue' }[signal as string]
    return command === undefined ? undefined : { command, args: [id] }
  },
  showQueues: 'condor_status',
}

function describe(needs: JobNeeds, files: JobFiles, extra: readonly string[]): string {
  const what = needs.queue !== undefined ? 'queue' : needs.nodes !== undefined ? 'nodes' : 'mpi'
  if (what !== 'mpi' || needs.areRanks) {
    throw new ConfigurationError(
      `batch: HTCondor knows no ${what}: leave it out, and say what machines you want as directives, such as 'requirements = …'`,
    )
  }
  return `${given(
    'universe = vanilla',
    `executable = ${files.script}`,
    `output = ${files.log}-$(ProcId).out`,
    `error = ${files.log}-$(ProcId).out`,
    `log = ${files.log}.events`,
    'should_transfer_files = IF_NEEDED',
    `batch_name = ${needs.name}`,
    needs.account !== undefined && `accounting_group = ${needs.account}`,
    needs.walltimeSeconds !== undefined && `allowed_job_duration = ${needs.walltimeSeconds}`,
    needs.memoryMib !== undefined && `request_memory = ${needs.memoryMib}`,
    needs.cpus !== undefined && `request_cpus = ${needs.cpus}`,
    needs.isArray && `environment = "${htcondor.taskVariable}=$(Process)"`,
    ...extra,
    `queue ${needs.count}`,
  ).join('\n')}\n`
}

/** What is not known says `undefined`. */
function readRow(line: string): JobRow[] {
  const words = line
    .trimStart()
    .split('\t')
    .map(word => (word.trim() === 'undefined' ? '' : word.trim()))
  const [id = '', task, status = '', exit = '', signal = '', holder = '', held = '', removed = ''] = words
  if (!/^\d+$/.test(id)) return []
  const detail = held || removed
  return [
    {
      id,
      ...taskOf(task),
      code: status === '5' && !HELD_BY_USER.includes(holder) ? STUCK : status,
      ...(exit !== '' && { exitCode: Number(exit) }),
      ...(signal !== '' && { signal: Number(signal) }),
      ...(detail !== '' && { detail }),
    },
  ]
}

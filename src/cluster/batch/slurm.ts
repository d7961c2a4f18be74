import {
  type BatchSystem,
  clockTime,
  given,
  type JobNeeds,
  type JobRow,
  mpiStarter,
  taskOf,
} from './batch-system.ts'

/**
 * What `squeue` is to show, by squeue(1), `--Format`: the numbers of job and task, the state, why it waits, and how it ended
 * (a wait status, as waitpid(2) gives it).
 */
const COLUMNS = ['ArrayJobID:.64', 'ArrayTaskID:.32', 'State:.32', 'Reason:.64', 'exit_code:.16']
const ENDS = COLUMNS.map(column => Number(/\d+$/.exec(column)![0])).map((_, i, widths) =>
  widths.slice(0, i + 1).reduce((sum, width) => sum + width, 0),
)

/** Slurm. Jobs that have ended stay to be seen for as long as the site says (MinJobAge), with their exit code. */
export const slurm: BatchSystem = {
  name: 'slurm',
  title: 'Slurm',
  manual: 'https://slurm.schedmd.com/squeue.html#SECTION_JOB-STATE-CODES',
  prefix: '#SBATCH ',
  taskVariable: 'SLURM_ARRAY_TASK_ID',
  firstTask: 0,
  writesLate: false,
  directives: needs =>
    given(
      `--job-name=${needs.name}`,
      // Who is lost is replaced by us.
      '--no-requeue',
      `--output=${needs.log}${needs.isArray ? '-%a' : ''}.out`,
      needs.queue !== undefined && `--partition=${needs.queue}`,
      needs.account !== undefined && `--account=${needs.account}`,
      needs.walltimeSeconds !== undefined && `--time=${clockTime(needs.walltimeSeconds)}`,
      ...places(needs),
      needs.memoryMib !== undefined && `--mem=${needs.memoryMib * needs.perNode}M`,
      needs.cpus !== undefined && `--cpus-per-task=${needs.cpus}`,
    ),
  arrayDirective: needs => `--array=0-${needs.count - 1}`,
  // One engine that ends, or one machine, is not to end the others.
  starter: needs =>
    needs.areRanks
      ? mpiStarter(needs)
      : `srun --ntasks=${needs.count} --export=ALL --kill-on-bad-exit=0 --wait=0 --no-kill`,
  submit: files => ({ command: 'sbatch', args: ['--parsable', files.script] }),
  // `--parsable`: the number, and the cluster's name after a semicolon where there are several.
  readJobId: answer => /^(\d+)(?:;.*)?$/m.exec(answer)?.[1],
  status: ids => ({
    command: 'squeue',
    args: ['--noheader', '--array', '--states=all', `--jobs=${ids.join(',')}`, `--Format=${COLUMNS.join()}`],
  }),
  readStatus: answer => answer.split('\n').flatMap(readRow),
  noSuchJob: /Invalid job id specified/,
  states: {
    PENDING: 'waiting',
    CONFIGURING: 'waiting',
    REQUEUED: 'waiting',
    REQUEUE_HOLD: 'held',
    SPECIAL_EXIT: 'held',
    RUNNING: 'running',
    SUSPENDED: 'running',
    COMPLETING: 'ending',
    COMPLETED: 'ended',
    CANCELLED: 'failed',
    FAILED: 'failed',
    TIMEOUT: 'failed',
    DEADLINE: 'failed',
    OUT_OF_MEMORY: 'failed',
    NODE_FAIL: 'failed',
    BOOT_FAIL: 'failed',
    PREEMPTED: 'failed',
  },
  // sacct(1). Many sites keep no accounts; there squeue has shown the end, for it does for some minutes (MinJobAge).
  history: id => ({
    command: 'sacct',
    args: ['--allocations', '--noheader', '--parsable2', '--format=JobID,State,ExitCode', `--jobs=${id}`],
  }),
  readHistory: answer => answer.split('\n').flatMap(readAccount),
  taskId: (id, task) => `${id}_${task}`,
  cancel: id => ({ command: 'scancel', args: [id] }),
  // Without `--full` the script's own process, which is our program, would be spared.
  kill: id => ({ command: 'scancel', args: ['--signal=KILL', '--full', id] }),
  // `--batch`: the script's own process, which our program has taken the place of.
  signal: (id, signal) => ({
    command: 'scancel',
    args: [`--signal=${signal.slice('SIG'.length)}`, '--batch', id],
  }),
  showQueues: 'sinfo',
}

function places({ nodes, perNode, count, isArray, areRanks }: JobNeeds): string[] {
  if (isArray || (count === 1 && nodes === undefined)) return []
  const machines = given(
    nodes !== undefined && `--nodes=${nodes}`,
    nodes !== undefined && `--ntasks-per-node=${perNode}`,
    nodes !== undefined && nodes > 1 && !areRanks && '--no-kill',
  )
  return [`--ntasks=${count}`, ...machines]
}

function readRow(line: string): JobRow[] {
  const [id = '', task = '', code = '', detail = '', status = ''] = ENDS.map((end, i) =>
    line.slice(ENDS[i - 1] ?? 0, end).trim(),
  )
  if (id === '') return []
  const isHeld = code === 'PENDING' && /^Job(Held|HoldMaxRequeue)/.test(detail)
  const row = { id, ...taskOf(task), code: isHeld ? 'REQUEUE_HOLD' : code }
  const waitStatus = Number(status)
  const ending = waitStatus % 128 === 0 ? { exitCode: waitStatus >> 8 } : { signal: waitStatus % 128 }
  return [{ ...row, ...(detail !== 'None' && { detail }), ...ending }]
}

/** `17_3|FAILED|3:0`: the exit code, and the signal where one ended it. */
function readAccount(line: string): JobRow[] {
  const [, id, task, code, exit, signal] =
    /^(\d+)(?:_(\d+))?\|(\w+)[^|]*\|(\d+):(\d+)$/.exec(line.trim()) ?? []
  if (id === undefined || code === undefined) return []
  const ending = signal === '0' ? { exitCode: Number(exit) } : { signal: Number(signal) }
  return [{ id, ...taskOf(task), code, ...ending }]
}

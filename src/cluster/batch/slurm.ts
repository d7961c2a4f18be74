import { type BatchSystem, clockTime, given, type JobNeeds, type JobRow, mpiStarter } from './batch-system.ts'

/** What `squeue` is to show: the job's number, its state, why it waits, and how it ended (a wait status, as waitpid(2) gives it). */
const COLUMNS = 'ArrayJobID:.64,State:.32,Reason:.64,exit_code:.16'

/** Slurm. Jobs that have ended stay to be seen for as long as the site says (MinJobAge), with their exit code. */
export const slurm: BatchSystem = {
  name: 'slurm',
  title: 'Slurm',
  manual: 'https://slurm.schedmd.com/squeue.html#SECTION_JOB-STATE-CODES',
  prefix: '#SBATCH ',
  taskVariable: 'SLURM_ARRAY_TASK_ID',
  writesLate: false,
  directives: needs =>
    given(
      `--job-name=${needs.name}`,
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
      : `srun --ntasks=${needs.count} --kill-on-bad-exit=0 --wait=0 --no-kill`,
  submit: files => ({ command: 'sbatch', args: ['--parsable', files.script] }),
  // `--parsable`: the number, and the cluster's name after a semicolon where there are several.
  readJobId: answer => /^(\d+)(?:;.*)?$/m.exec(answer)?.[1],
  status: ids => ({
    command: 'squeue',
    args: ['--noheader', '--array', '--states=all', `--jobs=${ids.join(',')}`, `--Format=${COLUMNS}`],
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
    COMPLETING: 'running',
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
  cancel: id => ({ command: 'scancel', args: [id] }),
  // Without `--full` the script's own process, which is our program, would be spared.
  kill: id => ({ command: 'scancel', args: ['--signal=KILL', '--full', id] }),
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
  const [id = '', code = '', detail = '', status = ''] = [
    line.slice(0, 64),
    line.slice(64, 96),
    line.slice(96, 160),
    line.slice(160),
  ].map(column => column.trim())
  if (id === '') return []
  const isHeld = code === 'PENDING' && /^Job(Held|HoldMaxRequeue)/.test(detail)
  const row = { id, code: isHeld ? 'REQUEUE_HOLD' : code }
  const waitStatus = Number(status)
  const ending = waitStatus % 128 === 0 ? { exitCode: waitStatus >> 8 } : { signal: waitStatus % 128 }
  return [{ ...row, ...(detail !== 'None' && { detail }), ...ending }]
}

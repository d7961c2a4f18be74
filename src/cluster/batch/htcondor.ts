import { ConfigurationError } from '../../errors.ts'
import { type BatchSystem, given, type JobFiles, type JobNeeds, type JobRow } from './batch-system.ts'

/** HTCondor. What is submitted is a description of the job; the script is what it runs. */
export const htcondor: BatchSystem = {
  name: 'htcondor',
  title: 'HTCondor',
  manual: 'https://htcondor.readthedocs.io/en/latest/man-pages/condor_q.html',
  prefix: '',
  taskVariable: '',
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
    args: [...ids, '-autoformat:t', 'ClusterId', 'JobStatus', 'ExitCode', 'HoldReason'],
  }),
  readStatus: answer => answer.split('\n').flatMap(readRow),
  noSuchJob: /^$/,
  states: {
    '1': 'waiting',
    '2': 'running',
    '3': 'ended',
    '4': 'ended',
    '5': 'held',
    '6': 'running',
    '7': 'running',
  },
  cancel: id => ({ command: 'condor_rm', args: [id] }),
  kill: id => ({ command: 'condor_rm', args: ['-forcex', id] }),
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
    ...extra,
    `queue ${needs.count}`,
  ).join('\n')}\n`
}

/** What is not known says `undefined`. */
function readRow(line: string): JobRow[] {
  const [id = '', code = '', exit = '', detail = 'undefined'] = line.split('\t').map(word => word.trim())
  if (!/^\d+$/.test(id)) return []
  return [
    {
      id,
      code,
      ...(/^\d+$/.test(exit) && { exitCode: Number(exit) }),
      ...(detail !== 'undefined' && { detail }),
    },
  ]
}

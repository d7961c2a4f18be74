import {
  type BatchSystem,
  given,
  type JobNeeds,
  type JobRow,
  mpiStarter,
  rowsOf,
  shellEnd,
  taskOf,
} from './batch-system.ts'

/** Grid Engine: Sun's, Univa's, Altair's, and the free ones. */
export const sge: BatchSystem = {
  name: 'sge',
  title: 'Grid Engine',
  manual: 'https://manpages.debian.org/bookworm/gridengine-client/qstat.1.en.html',
  prefix: '#$ ',
  taskVariable: 'SGE_TASK_ID',
  firstTask: 1,
  writesLate: false,
  directives: needs =>
    given(
      `-N ${needs.name}`,
      '-S /bin/sh',
      // Who is lost is replaced by us.
      '-r n',
      '-j y',
      `-o ${needs.log}${needs.isArray ? '-$TASK_ID' : ''}.out`,
      needs.queue !== undefined && `-q ${needs.queue}`,
      needs.account !== undefined && `-P ${needs.account}`,
      needs.walltimeSeconds !== undefined && `-l h_rt=${needs.walltimeSeconds}`,
      needs.memoryMib !== undefined && `-l mem_free=${needs.memoryMib}M`,
      parallelEnvironment(needs),
    ),
  arrayDirective: needs => `-t 1-${needs.count}`,
  starter: mpiStarter,
  submit: files => ({ command: 'qsub', args: ['-terse', files.script] }),
  // `12`, and `12.1-4:1` for an array; with a warning before it, a sentence.
  readJobId: answer => /^(?:Your job(?:-array)? )?(\d+)(?:\.\S+)?(?: |$)/m.exec(answer.trim())?.[1],
  // It lists the jobs of the user; there is no way to ask for some of them in this form.
  // qstat(1), `-g d`: each task of an array in its own line, also those that wait.
  status: () => ({ command: 'qstat', args: ['-g', 'd'] }),
  readStatus: answer => rowsOf(answer).flatMap(readRow),
  noSuchJob: /^$/,
  states: {
    qw: 'waiting',
    t: 'waiting',
    hqw: 'held',
    hRwq: 'held',
    Eqw: 'stuck',
    Ehqw: 'stuck',
    EhRqw: 'stuck',
    r: 'running',
    dr: 'ending',
    dt: 'ending',
    ended: 'ended',
  },
  // qacct(1); the accounts are written a while after the end (accounting_flush_time).
  history: id => ({ command: 'qacct', args: ['-j', id] }),
  readHistory: readAccounts,
  // qstat(1), `-j`; the scheduler tells where the site lets it (schedd_job_info in sched_conf(5)).
  explain: id => ({ command: 'qstat', args: ['-j', id] }),
  readExplanation: answer =>
    /^scheduling info: *(\S.*(?:\n {4,}\S.*)*)/m.exec(answer)?.[1]?.replace(/\n +/g, '; '),
  taskId: (id, task) => `${id}.${task}`,
  cancel: id => ({ command: 'qdel', args: [id] }),
  kill: id => ({ command: 'qdel', args: ['-f', id] }),
  // It can only suspend and go on: qmod(1).
  signal: (id, signal) => {
    const option = { SIGSTOP: '-sj', SIGTSTP: '-sj', SIGCONT: '-usj' }[signal as string]
    return option === undefined ? undefined : { command: 'qmod', args: [option, id] }
  },
  showQueues: 'qconf -sql',
}

/** Sites name theirs as they like; `mpi` spreads over machines, and `smp` is one of them, almost everywhere. */
function parallelEnvironment({ isArray, count, cpus = 1, nodes, areRanks }: JobNeeds): string | false {
  const slots = (isArray ? 1 : count) * cpus
  if (nodes !== undefined || areRanks) return `-pe mpi ${slots}`
  return slots > 1 && `-pe smp ${slots}`
}

/** `12 0.55500 name user r 11/25/2026 23:00:00 queue@host 1 2`: heads and rules are no such lines. */
function readRow(words: readonly string[]): JobRow[] {
  const [id = '', , , , code, , , queue = ''] = words
  if (!/^\d+$/.test(id) || code === undefined) return []
  return [{ id, ...taskOf(words[queue.includes('@') ? 9 : 8]), code }]
}

/**
 * Blocks of lines `name value`, one for each task that has ended, after lines of equals signs: accounting(5). `failed` is
 * a number and a word; where a signal ended the job it is 100, and the exit status 128 and the signal.
 */
function readAccounts(answer: string): JobRow[] {
  return answer.split(/^=+$/m).flatMap(block => {
    const fields = Object.fromEntries(rowsOf(block).map(([name, ...words]) => [name, words.join(' ')]))
    const { jobnumber: id = '', taskid, failed = '', exit_status: status = '' } = fields
    if (!/^\d+$/.test(id) || !/^\d+/.test(status)) return []
    const trouble = failed === '0' ? {} : { detail: failed }
    return [{ id, ...taskOf(taskid), code: 'ended', ...trouble, ...shellEnd(Number.parseInt(status, 10)) }]
  })
}

import { type BatchSystem, given, type JobNeeds, type JobRow, mpiStarter, rowsOf } from './batch-system.ts'

/** Grid Engine: Sun's, Univa's, Altair's, and the free ones. */
export const sge: BatchSystem = {
  name: 'sge',
  title: 'Grid Engine',
  manual: 'https://manpages.debian.org/bookworm/gridengine-client/qstat.1.en.html',
  prefix: '#$ ',
  taskVariable: 'SGE_TASK_ID',
  writesLate: false,
  directives: needs =>
    given(
      `-N ${needs.name}`,
      '-S /bin/sh',
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
  status: () => ({ command: 'qstat', args: [] }),
  readStatus: answer => rowsOf(answer).flatMap(readRow),
  noSuchJob: /^$/,
  states: {
    qw: 'waiting',
    t: 'waiting',
    hqw: 'held',
    hRwq: 'held',
    Eqw: 'stuck',
    Ehqw: 'stuck',
    r: 'running',
  },
  cancel: id => ({ command: 'qdel', args: [id] }),
  kill: id => ({ command: 'qdel', args: ['-f', id] }),
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
  const [id = '', , , , code] = words
  return !/^\d+$/.test(id) || code === undefined ? [] : [{ id, code }]
}

import {
  type BatchSystem,
  given,
  type JobNeeds,
  type JobRow,
  mpiStarter,
  shellEnd,
  taskOf,
} from './batch-system.ts'

const COLUMNS = 'jobid jobindex stat exit_code pend_reason exit_reason'

/** IBM Spectrum LSF. Jobs that have ended stay to be seen for a while (CLEAN_PERIOD), with their exit code. */
export const lsf: BatchSystem = {
  name: 'lsf',
  title: 'LSF',
  manual: 'https://www.ibm.com/docs/en/spectrum-lsf/10.1.0?topic=execution-about-job-states',
  prefix: '#BSUB ',
  taskVariable: 'LSB_JOBINDEX',
  firstTask: 1,
  writesLate: false,
  directives: needs =>
    given(
      // Who is lost is replaced by us.
      '-rn',
      !needs.isArray && `-J ${needs.name}`,
      `-o ${needs.log}${needs.isArray ? '-%I' : ''}.out`,
      needs.queue !== undefined && `-q ${needs.queue}`,
      needs.account !== undefined && `-P ${needs.account}`,
      // Minutes, and no part of one.
      needs.walltimeSeconds !== undefined && `-W ${Math.ceil(needs.walltimeSeconds / 60)}`,
      ...places(needs),
      needs.memoryMib !== undefined && `-R "rusage[mem=${needs.memoryMib * needs.perNode}MB]"`,
    ),
  arrayDirective: needs => `-J "${needs.name}[1-${needs.count}]"`,
  starter: mpiStarter,
  submit: (_files, script) => ({ command: 'bsub', args: [], input: script }),
  readJobId: answer => /Job <(\d+)> is submitted/.exec(answer)?.[1],
  // bjobs(1), `-o`.
  status: ids => ({
    command: 'bjobs',
    args: ['-a', '-noheader', '-o', `${COLUMNS} delimiter='|'`, ...ids],
  }),
  readStatus: answer => answer.split('\n').flatMap(readRow),
  noSuchJob: /is not found|No (?:matching |unfinished )?job found/i,
  states: {
    PEND: 'waiting',
    WAIT: 'waiting',
    PROV: 'waiting',
    PSUSP: 'held',
    RUN: 'running',
    USUSP: 'running',
    SSUSP: 'running',
    UNKWN: 'running',
    DONE: 'ended',
    EXIT: 'failed',
    ZOMBI: 'failed',
  },
  taskId: (id, task) => `${id}[${task}]`,
  cancel: id => ({ command: 'bkill', args: [id] }),
  kill: id => ({ command: 'bkill', args: ['-s', 'KILL', id] }),
  // bkill(1), `-s`.
  signal: (id, signal) => ({ command: 'bkill', args: ['-s', signal.slice('SIG'.length), id] }),
  showQueues: 'bqueues',
}

function places({ nodes, perNode, count, isArray, cpus = 1 }: JobNeeds): string[] {
  const engines = isArray ? 1 : count
  if (nodes !== undefined) return [`-n ${engines * cpus}`, `-R "span[ptile=${perNode * cpus}]"`]
  return engines * cpus === 1 ? [] : [`-n ${engines * cpus}`, '-R "span[hosts=1]"']
}

/** `123|2|EXIT|3|-|-`; the index is 0 where there is no array, and a code above 128 a signal, as the shell has it. */
function readRow(line: string): JobRow[] {
  const [id = '', index = '', code = '', exit = '', pending = '', exited = ''] = line
    .split('|')
    .map(word => word.trim())
  if (!/^\d+$/.test(id)) return []
  const detail = [pending, exited].find(reason => reason.length > 1)
  return [
    {
      id,
      ...(index !== '0' && taskOf(index)),
      code,
      ...(/^\d+$/.test(exit) && shellEnd(Number(exit))),
      ...(detail !== undefined && { detail }),
    },
  ]
}

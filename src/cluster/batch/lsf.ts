import { type BatchSystem, given, type JobNeeds, type JobRow, mpiStarter } from './batch-system.ts'

/** IBM Spectrum LSF. Jobs that have ended stay to be seen for a while (CLEAN_PERIOD), with their exit code. */
export const lsf: BatchSystem = {
  name: 'lsf',
  title: 'LSF',
  manual: 'https://www.ibm.com/docs/en/spectrum-lsf/10.1.0?topic=execution-about-job-states',
  prefix: '#BSUB ',
  taskVariable: 'LSB_JOBINDEX',
  writesLate: false,
  directives: needs =>
    given(
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
  status: ids => ({
    command: 'bjobs',
    args: ['-a', '-noheader', '-o', "jobid stat exit_code pend_reason delimiter='|'", ...ids],
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
  cancel: id => ({ command: 'bkill', args: [id] }),
  kill: id => ({ command: 'bkill', args: ['-s', 'KILL', id] }),
  showQueues: 'bqueues',
}

function places({ nodes, perNode, count, isArray, cpus = 1 }: JobNeeds): string[] {
  const engines = isArray ? 1 : count
  if (nodes !== undefined) return [`-n ${engines * cpus}`, `-R "span[ptile=${perNode * cpus}]"`]
  return engines * cpus === 1 ? [] : [`-n ${engines * cpus}`, '-R "span[hosts=1]"']
}

/** `123|EXIT|3|-`. */
function readRow(line: string): JobRow[] {
  const [id = '', code = '', exit = '', detail = ''] = line.split('|').map(word => word.trim())
  if (!/^\d+$/.test(id)) return []
  return [
    { id, code, ...(/^\d+$/.test(exit) && { exitCode: Number(exit) }), ...(detail.length > 1 && { detail }) },
  ]
}

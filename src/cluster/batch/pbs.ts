import {
  type BatchSystem,
  clockTime,
  given,
  type JobNeeds,
  type JobRow,
  mpiStarter,
  rowsOf,
  shellEnd,
  taskOf,
} from './batch-system.ts'

/**
 * PBS Professional and OpenPBS; with `array: false` also those that answer like them. Torque is one, but asks for machines in
 * other words (`-l nodes=2:ppn=4`), which a template can say.
 */
export const pbs: BatchSystem = {
  name: 'pbs',
  title: 'PBS',
  manual: 'https://help.altair.com/2022.1.0/PBS%20Professional/PBSUserGuide2022.1.pdf',
  prefix: '#PBS ',
  taskVariable: 'PBS_ARRAY_INDEX',
  firstTask: 0,
  writesLate: true,
  directives: needs =>
    given(
      `-N ${needs.name}`,
      // Otherwise the user's login shell runs it, whatever that is.
      '-S /bin/sh',
      // Who is lost is replaced by us. Arrays must be rerunnable: qsub(1B), `-r`.
      !needs.isArray && '-r n',
      needs.queue !== undefined && `-q ${needs.queue}`,
      needs.account !== undefined && `-A ${needs.account}`,
      needs.walltimeSeconds !== undefined && `-l walltime=${clockTime(needs.walltimeSeconds)}`,
      chunks(needs),
    ),
  arrayDirective: needs => `-J 0-${needs.count - 1}`,
  starter: mpiStarter,
  // Not as directives: those that only look like PBS do not read them there.
  submit: files => ({ command: 'qsub', args: ['-j', 'oe', '-o', `${files.log}.pbs.out`, files.script] }),
  // `1234.server`, and `1234[].server` for an array.
  readJobId: answer => /^(\d+(?:\[\])?)(?:\.\S+)?$/m.exec(answer.trim())?.[1],
  isArrayId: isArray,
  // qstat(1B): `-t` shows each subjob of an array. Those that only look like PBS have no arrays, and no such option.
  status: ids => ({ command: 'qstat', args: [...(ids.some(isArray) ? ['-t'] : []), ...ids] }),
  readStatus: answer => rowsOf(answer).flatMap(readRow),
  noSuchJob: /Unknown Job Id|has finished|^$/i,
  states: {
    Q: 'waiting',
    W: 'waiting',
    T: 'waiting',
    M: 'waiting',
    H: 'held',
    B: 'running',
    R: 'running',
    S: 'running',
    U: 'running',
    E: 'running',
    F: 'ended',
    X: 'ended',
    C: 'ended',
  },
  // qstat(1B), `-x`, `-f`: jobs that have finished, where the server remembers them (job_history_enable).
  history: id => ({ command: 'qstat', args: ['-x', '-f', ...(isArray(id) ? ['-t'] : []), id] }),
  readHistory: readFull,
  // The comment of the scheduler: "Not Running: Insufficient amount of resource: ncpus".
  explain: id => ({ command: 'qstat', args: ['-f', id] }),
  readExplanation: answer => /^\s*comment = (.*(?:\n\t.*)*)/m.exec(answer)?.[1]?.replaceAll('\n\t', ''),
  taskId: (id, task) => id.replace('[]', `[${task}]`),
  cancel: id => ({ command: 'qdel', args: [id] }),
  kill: id => ({ command: 'qdel', args: ['-W', 'force', id] }),
  // qsig(1B).
  signal: (id, signal) => ({ command: 'qsig', args: ['-s', signal, id] }),
  showQueues: 'qstat -Q',
}

/** What each machine of a job gives. */
function chunks(needs: JobNeeds): string | undefined {
  const { nodes = 1, perNode, areRanks, cpus, memoryMib } = needs
  if (nodes === 1 && perNode === 1 && cpus === undefined && memoryMib === undefined) return undefined
  const cores = perNode * (cpus ?? 1)
  const processes = nodes > 1 || areRanks ? `:mpiprocs=${perNode}` : ''
  const memory = memoryMib === undefined ? '' : `:mem=${memoryMib * perNode}mb`
  return `-l select=${nodes}:ncpus=${cores}${processes}${memory}`
}

/** `1234.server  name  user  00:00:01 R queue`: heads and rules are no such lines. */
function readRow(words: readonly string[]): JobRow[] {
  const name = readName(words[0] ?? '')
  const code = words.at(-2)
  return name === undefined || code === undefined ? [] : [{ ...name, code }]
}

/** `1234.server`, `1234[].server` for an array, `1234[3].server` for a subjob; long ones are cut off, with an asterisk. */
function readName(name: string): { id: string; task?: string } | undefined {
  const [, number, brackets, task] = /^(\d+)(\[(\d*)\])?(?:\.|$)/.exec(name) ?? []
  if (number === undefined) return undefined
  return { id: brackets === undefined ? number : `${number}[]`, ...taskOf(task) }
}

function isArray(id: string): boolean {
  return id.endsWith('[]')
}

/**
 * The full form: `Job Id: 1234[3].server`, then lines `    name = value`. An Exit_status below 0 is PBS's own trouble, and
 * one above 256 (128 in a shell's words) a signal: pbs_job_attributes(7B).
 */
function readFull(answer: string): JobRow[] {
  return answer.split(/^Job Id: /m).flatMap(text => {
    const name = readName(text.split('\n', 1)[0]!.trim())
    const code = /^\s*job_state = (\w)/m.exec(text)?.[1]
    const status = /^\s*exit_status = (-?\d+)/im.exec(text)?.[1]
    if (name === undefined || code === undefined) return []
    return [{ ...name, code, ...(status !== undefined && endOf(Number(status))) }]
  })
}

function endOf(status: number): Partial<JobRow> {
  if (status < 0) return { detail: `Exit_status = ${status}` }
  return status > 256 ? { signal: status - 256 } : shellEnd(status)
}

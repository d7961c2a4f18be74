import {
  type BatchSystem,
  clockTime,
  given,
  type JobNeeds,
  type JobRow,
  mpiStarter,
  rowsOf,
} from './batch-system.ts'

/** PBS Professional and OpenPBS; with `array: false` also Torque and those that answer like it. */
export const pbs: BatchSystem = {
  name: 'pbs',
  title: 'PBS',
  manual: 'https://help.altair.com/2022.1.0/PBS%20Professional/PBSUserGuide2022.1.pdf',
  prefix: '#PBS ',
  taskVariable: 'PBS_ARRAY_INDEX',
  writesLate: true,
  directives: needs =>
    given(
      `-N ${needs.name}`,
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
  isArrayId: id => id.endsWith('[]'),
  status: ids => ({ command: 'qstat', args: [...ids] }),
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
  cancel: id => ({ command: 'qdel', args: [id] }),
  kill: id => ({ command: 'qdel', args: ['-W', 'force', id] }),
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
  const id = /^(\d+(?:\[\])?)(?:\.|$)/.exec(words[0] ?? '')?.[1]
  const code = words.at(-2)
  return id === undefined || code === undefined ? [] : [{ id, code }]
}

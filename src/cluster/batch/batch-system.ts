/**
 * What is to be known of a batch system: the commands by which jobs are submitted, looked at and ended, how their answers
 * are read, and how a job says what it needs. Nothing here runs anything; `batch-queue.ts` works them all.
 */

import type { BatchSystemName } from '../../config/launcher-names.ts'

/** A command that is to be run. */
export interface Call {
  readonly command: string
  readonly args: readonly string[]
  /** What it reads from stdin. */
  readonly input?: string
}

/** What a job needs, in one form for all systems. */
export interface JobNeeds {
  readonly name: string
  readonly queue: string | undefined
  readonly account: string | undefined
  readonly walltimeSeconds: number | undefined
  /** Machines of a job whose engines are spread over some; undefined where the system finds one. */
  readonly nodes: number | undefined
  /** Engines on each machine. */
  readonly perNode: number
  /** Memory of each engine. */
  readonly memoryMib: number | undefined
  /** Cores of each engine. */
  readonly cpus: number | undefined
  /** Engines. */
  readonly count: number
  /** Whether each engine is a task of a job array. */
  readonly isArray: boolean
  /** Whether the engines are the ranks of one MPI program. */
  readonly areRanks: boolean
  /** How `mpiexec` is called here, as words of the shell. */
  readonly mpiexec: string
  /** Where the output goes, without the ending that tells tasks apart. */
  readonly log: string
}

/** Where the files of a job lie. */
export interface JobFiles {
  /** What runs. */
  readonly script: string
  /** What is submitted in its place, where the system wants a description of the job. */
  readonly description: string
  /** See `JobNeeds`. */
  readonly log: string
}

/**
 * `stuck` jobs lie in the queue for ever: the system could not start them. Of those that are `ending` the system still
 * has to clean up.
 */
export type JobState = 'waiting' | 'held' | 'stuck' | 'running' | 'ending' | 'ended' | 'failed'

/** One line of the answer about jobs: a job, or one task of a job array. */
export interface JobRow {
  /** The number that submitting gave. */
  readonly id: string
  /** The number of the task, where it is one of a job array. */
  readonly task?: string | undefined
  /** The system's word for its state. */
  readonly code: string
  /** Why it is so, where the system says. */
  readonly detail?: string
  readonly exitCode?: number
  readonly signal?: number
}

export interface BatchSystem {
  readonly name: BatchSystemName
  /** As people call it. */
  readonly title: string
  /** Where its commands and formats are described. */
  readonly manual: string
  /** Before each directive of a job script, such as `#SBATCH `. */
  readonly prefix: string
  /** The shell's variable that holds the number of a task. */
  readonly taskVariable: string
  /** The number of an array's first task. */
  readonly firstTask: number
  /** Directives: what the job needs, in the system's words, without the prefix. */
  directives(needs: JobNeeds): string[]
  /** The directive that makes a job an array with a task for each engine; undefined where the description says so. */
  arrayDirective(needs: JobNeeds): string | undefined
  /** What starts copies of a program on the machines of one job; undefined where there is no such thing. */
  starter(needs: JobNeeds): string | undefined
  /** The text that is submitted in place of the script. */
  describe?(needs: JobNeeds, files: JobFiles, extra: readonly string[]): string
  /** Output is brought back only when the job has ended: the script writes it where it belongs. */
  readonly writesLate: boolean
  submit(files: JobFiles, script: string): Call
  /** The job's number, from what submitting answered. */
  readJobId(answer: string): string | undefined
  /** Whether it is the number of an array, where that can be seen. */
  isArrayId?(id: string): boolean
  /** One question about all jobs. */
  status(ids: readonly string[]): Call
  readStatus(answer: string): JobRow[]
  /** The question fails so when none of the jobs is there any more. */
  readonly noSuchJob: RegExp
  /** What the words for states mean; words that are not here mean that it runs. */
  readonly states: Readonly<Record<string, JobState>>
  /**
   * How jobs ended that are not in that answer any more, where the system keeps it elsewhere. Its answer has the form of
   * `readStatus`, or is read by `readHistory`.
   */
  history?(id: string): Call
  readHistory?(answer: string): JobRow[]
  /** Why a job waits, where that is another question. */
  explain?(id: string): Call
  readExplanation?(answer: string): string | undefined
  /** What a task of an array is called in commands. */
  taskId(id: string, task: string): string
  cancel(id: string): Call
  /** Ends it without asking it. */
  kill(id: string): Call
  /** Sends its program another signal; undefined where the system cannot. */
  signal(id: string, signal: NodeJS.Signals): Call | undefined
  /** Shows the queues that there are. */
  readonly showQueues: string
}

/** `mpiexec` knows the machines that a job has, where it was built for the batch system. */
export function mpiStarter({ mpiexec, count }: JobNeeds): string {
  return `${mpiexec} -n ${count}`
}

/** `01:30:00`, from seconds. */
export function clockTime(seconds: number): string {
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`
}

/** Lines of words, without empty ones. */
export function rowsOf(answer: string): string[][] {
  return answer
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(words => words[0] !== '')
}

/** How a program ended, by what a shell says of it: 128 and the number of the signal, where one ended it. */
export function shellEnd(status: number): { exitCode: number } | { signal: number } {
  return status > 128 && status < 128 + 65 ? { signal: status - 128 } : { exitCode: status }
}

/** The number of a task, in a row; nothing where there is no such number. */
export function taskOf(text: string | undefined): { task?: string } {
  return text !== undefined && /^\d+$/.test(text) ? { task: text } : {}
}

/** Directives whose value is known. */
export function given(...lines: readonly (string | false | undefined)[]): string[] {
  return lines.filter(line => typeof line === 'string')
}

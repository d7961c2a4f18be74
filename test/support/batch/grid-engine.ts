/**
 * A Grid Engine of one machine, for the tests: sge_qmaster and sge_execd with a cell and ports of their own. Its programs
 * look for one another in /usr/lib/gridengine; its qsub is called by that path too, for /usr/bin/qsub may be another's.
 */

import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { eventually } from '../cluster-world.ts'
import { answerOf, Daemons, freePorts, installed, type PrivateSystem, succeeds } from './daemons.ts'

const PROGRAMS = '/usr/lib/gridengine'
const SHARE = '/usr/share/gridengine'

/** sge_execd runs jobs as their users, and must be root for that. */
export function hasGridEngine(): boolean {
  const programs = ['sge_qmaster', 'sge_execd', 'qsub', 'qconf', 'spooldefaults']
  return (
    installed(...programs.map(name => join(PROGRAMS, name)), join(SHARE, 'util/arch')) &&
    process.getuid?.() === 0
  )
}

/** @returns when a job could run. */
export async function startGridEngine(): Promise<PrivateSystem> {
  const daemons = new Daemons()
  try {
    return await start(daemons)
  } catch (error) {
    await daemons.close()
    throw error
  }
}

async function start(daemons: Daemons): Promise<PrivateSystem> {
  const [masterPort, nodePort] = await freePorts(2)
  const { folder } = daemons
  const extra = {
    SGE_ROOT: folder,
    SGE_CELL: 'default',
    SGE_ARCH: 'lx-amd64',
    SGE_QMASTER_PORT: String(masterPort),
    SGE_EXECD_PORT: String(nodePort),
    PATH: `${PROGRAMS}:${process.env.PATH}`,
  }
  const env = { ...process.env, ...extra }
  const run = (program: string, ...args: string[]): string => answerOf(join(PROGRAMS, program), args, env)
  writeCell(folder)
  run('spoolinit', 'berkeleydb', 'libspoolb', join(folder, 'spool/db'), 'init')
  run('spooldefaults', 'configuration', join(folder, 'configuration'))
  run('spooldefaults', 'complexes', join(SHARE, 'util/resources/centry'))
  run('spooldefaults', 'usersets', join(SHARE, 'util/resources/usersets'))
  run('spooldefaults', 'managers', 'root')
  // Told so, they stay in the foreground.
  const daemonEnv = { ...env, SGE_ND: '1' }
  daemons.start(join(PROGRAMS, 'sge_qmaster'), [], daemonEnv)
  await eventually(() => succeeds(join(PROGRAMS, 'qconf'), ['-sh'], env), 20_000, 'sge_qmaster answers')
  run('qconf', '-as', hostname())
  daemons.start(join(PROGRAMS, 'sge_execd'), [], daemonEnv)
  await eventually(() => succeeds(join(PROGRAMS, 'qconf'), ['-sel'], env), 20_000, 'sge_execd has joined')
  makeQueue(folder, run)
  const hasRoom = (): boolean => / 0\/0\/8 /.test(run('qstat', '-f'))
  await eventually(hasRoom, 20_000, 'the queue has eight free slots')
  return {
    env: extra,
    queue: () =>
      run('qstat')
        .split('\n')
        .filter(line => /^ *\d/.test(line)),
    close: () => daemons.close(),
  }
}

function writeCell(folder: string): void {
  const common = join(folder, 'default/common')
  for (const name of [common, ...['qmaster/job_scripts', 'db', 'execd'].map(it => join(folder, 'spool', it))])
    mkdirSync(name, { recursive: true })
  symlinkSync(join(SHARE, 'util'), join(folder, 'util'))
  writeFileSync(join(common, 'act_qmaster'), `${hostname()}\n`)
  // On many machines loopback is called localhost first, and Grid Engine takes names seriously.
  writeFileSync(join(common, 'host_aliases'), `${hostname()} localhost\n`)
  writeFileSync(
    join(common, 'bootstrap'),
    `admin_user root
default_domain none
ignore_fqdn true
spooling_method berkeleydb
spooling_lib libspoolb
spooling_params ${folder}/spool/db
binary_path ${folder}/bin
qmaster_spool_dir ${folder}/spool/qmaster
security_mode none
listener_threads 2
worker_threads 2
scheduler_threads 1
`,
  )
  const programs = join(folder, 'bin/lx-amd64')
  mkdirSync(programs, { recursive: true })
  for (const name of ['sge_execd', 'sge_shepherd', 'sge_coshepherd', 'sge_qmaster'])
    symlinkSync(join(PROGRAMS, name), join(programs, name))
  const defaults = readFileSync(join(SHARE, 'default-configuration'), 'utf8')
  const configuration = defaults
    .replace(/^execd_spool_dir.*$/m, `execd_spool_dir ${folder}/spool/execd`)
    .replace(/^min_(u|g)id.*$/gm, 'min_$1id 0')
    .replace(/^load_report_time.*$/m, 'load_report_time 00:00:01')
    // How jobs ended is to be read at once.
    .replace(/^(reporting_params .*)$/m, '$1 accounting_flush_time=00:00:00')
  writeFileSync(join(folder, 'configuration'), configuration)
}

/** Parallel environments under the names that they have almost everywhere, and how each spreads its slots: sge_pe(5). */
const ENVIRONMENTS: Readonly<Record<string, string>> = { mpi: '$fill_up', smp: '$pe_slots' }

function parallelEnvironment(name: string, rule: string): string {
  return `pe_name ${name}
slots 999
user_lists NONE
xuser_lists NONE
start_proc_args NONE
stop_proc_args NONE
allocation_rule ${rule}
control_slaves TRUE
job_is_first_task FALSE
urgency_slots min
accounting_summary FALSE
qsort_args NONE
`
}

function makeQueue(folder: string, run: (program: string, ...args: string[]) => string): void {
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  for (const [name, rule] of Object.entries(ENVIRONMENTS)) {
    run('qconf', '-Ap', file(name, parallelEnvironment(name, rule)))
  }
  run('qconf', '-Ahgrp', file('group', `group_name @allhosts\nhostlist ${hostname()}\n`))
  const values: Readonly<Record<string, string>> = {
    qname: 'main.q',
    hostlist: '@allhosts',
    slots: '8',
    load_thresholds: 'NONE',
    pe_list: Object.keys(ENVIRONMENTS).join(' '),
    ckpt_list: 'NONE',
    shell: '/bin/sh',
  }
  run('qconf', '-Aq', file('queue', withValues(run('qconf', '-sq'), values)))
  const soon = {
    schedule_interval: '0:0:1',
    flush_submit_sec: '1',
    flush_finish_sec: '1',
    schedd_job_info: 'true',
  }
  run('qconf', '-Msconf', file('scheduler', withValues(run('qconf', '-ssconf'), soon)))
}

/** A configuration of lines `name value`, with some values set anew. */
function withValues(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/^(\w+)\s+.*$/gm, (line, name: string) =>
    values[name] === undefined ? line : `${name} ${values[name]}`,
  )
}

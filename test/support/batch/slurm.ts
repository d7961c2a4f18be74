/** A Slurm of one machine on loopback, for the tests: munged, slurmctld and slurmd with a folder and ports of their own. */

import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { eventually } from '../cluster-world.ts'
import { answerOf, Daemons, freePorts, installed, type PrivateSystem, succeeds } from './daemons.ts'

const MUNGED = '/usr/sbin/munged'
const CONTROLLER = '/usr/sbin/slurmctld'
const NODE_DAEMON = '/usr/sbin/slurmd'

/** slurmd runs jobs as their users, and must be root for that. */
export function hasSlurm(): boolean {
  return installed(MUNGED, CONTROLLER, NODE_DAEMON, '/usr/bin/sbatch') && process.getuid?.() === 0
}

/** Slurm's own form of PBS's commands. */
export function hasSlurmTorque(): boolean {
  return hasSlurm() && installed('/usr/bin/qsub', '/usr/bin/qstat', '/usr/bin/qdel')
}

/** @returns when a job could run. */
export async function startSlurm(): Promise<PrivateSystem> {
  const daemons = new Daemons()
  try {
    return await start(daemons)
  } catch (error) {
    await daemons.close()
    throw error
  }
}

async function start(daemons: Daemons): Promise<PrivateSystem> {
  const { folder } = daemons
  // munged insists that nobody else may write where its socket is, and that its users can reach it.
  chmodSync(folder, 0o755)
  for (const name of ['state', 'spool']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'munge.key'), randomBytes(128), { mode: 0o400 })
  const [controllerPort, nodePort] = await freePorts(2)
  writeFileSync(join(folder, 'slurm.conf'), configuration(folder, controllerPort!, nodePort!))
  const extra = { SLURM_CONF: join(folder, 'slurm.conf') }
  const env = { ...process.env, ...extra }
  const place = (name: string): string => join(folder, name)
  daemons.start(
    MUNGED,
    [
      '--foreground',
      '--force',
      `--key-file=${place('munge.key')}`,
      `--socket=${place('munge.sock')}`,
      `--pid-file=${place('munged.pid')}`,
      `--log-file=${place('munged.log')}`,
      `--seed-file=${place('munged.seed')}`,
    ],
    env,
  )
  await eventually(() => succeeds('munge', [`--socket=${place('munge.sock')}`, '--no-input'], env))
  daemons.start(CONTROLLER, ['-D', '-c'], env)
  daemons.start(NODE_DAEMON, ['-D', '-N', 'localhost'], env)
  const isUp = (): boolean =>
    succeeds('scontrol', ['ping'], env) &&
    answerOf('sinfo', ['--noheader', '--format=%T'], env).trim() === 'idle'
  await eventually(isUp, 20_000, 'slurmctld has an idle node')
  return {
    env: extra,
    queue: () => answerOf('squeue', ['--noheader', '--format=%A %T'], env).split('\n').filter(Boolean),
    close: () => daemons.close(),
  }
}

function configuration(folder: string, controllerPort: number, nodePort: number): string {
  return `ClusterName=itsparallel
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/munge.sock
SlurmctldPort=${controllerPort}
SlurmdPort=${nodePort}
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
SlurmdSpoolDir=${folder}/spool
StateSaveLocation=${folder}/state
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
NodeName=localhost CPUs=16 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES MaxTime=INFINITE State=UP
`
}

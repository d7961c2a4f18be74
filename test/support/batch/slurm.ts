/**
 * A Slurm for the tests: munged, slurmctld and slurmd with a folder and ports of their own, on loopback, or with a node on
 * each host of a network.
 */

import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { eventually } from '../cluster-world.ts'
import type { Network } from '../network.ts'
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

export interface SlurmSystem extends PrivateSystem {
  /** Starts the daemon of a node again. */
  startNode(name: string): void
}

/** A machine that runs jobs. */
interface Node {
  readonly name: string
  readonly address: string
  /** Words before a command that is to run there. */
  readonly on: readonly string[]
}

/**
 * @param network - where the nodes are; without it there is one, on loopback.
 * @returns when a job could run.
 */
export async function startSlurm(network?: Network): Promise<SlurmSystem> {
  const daemons = new Daemons()
  try {
    return await start(daemons, network)
  } catch (error) {
    await daemons.close()
    throw error
  }
}

function nodesOf(network: Network | undefined): Node[] {
  if (network === undefined) return [{ name: 'localhost', address: '127.0.0.1', on: [] }]
  return network.hosts.map(host => ({ ...host, on: network.onNamed(host) }))
}

async function start(daemons: Daemons, network: Network | undefined): Promise<SlurmSystem> {
  const { folder } = daemons
  const nodes = nodesOf(network)
  // munged insists that nobody else may write where its socket is, and that its users can reach it.
  chmodSync(folder, 0o755)
  for (const name of ['state', 'spool']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'munge.key'), randomBytes(128), { mode: 0o400 })
  const [controllerPort, nodePort] = await freePorts(2)
  const address = network?.address ?? '127.0.0.1'
  writeFileSync(
    join(folder, 'slurm.conf'),
    configuration(
      folder,
      `SlurmctldHost=localhost(${address})
SlurmctldPort=${controllerPort}
SlurmdPort=${nodePort}
${nodes.map(node => `NodeName=${node.name} NodeAddr=${node.address} CPUs=16 RealMemory=1000 State=UNKNOWN`).join('\n')}`,
    ),
  )
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
  const startNode = (name: string): void => {
    const on = nodes.find(node => node.name === name)?.on ?? []
    const [command = '', ...args] = [...on, NODE_DAEMON, '-D', '-N', name]
    daemons.start(command, args, env)
  }
  for (const { name } of nodes) startNode(name)
  const isUp = (): boolean =>
    succeeds('scontrol', ['ping'], env) &&
    answerOf('sinfo', ['--noheader', '--format=%T %D'], env).trim() === `idle ${nodes.length}`
  await eventually(isUp, 20_000, 'the nodes of slurmctld are idle')
  return {
    env: extra,
    startNode,
    queue: () => answerOf('squeue', ['--noheader', '--format=%A %T'], env).split('\n').filter(Boolean),
    close: () => daemons.close(),
  }
}

function configuration(folder: string, hosts: string): string {
  return `ClusterName=itsparallel
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/munge.sock
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd-%n.pid
SlurmdSpoolDir=${folder}/spool/%n
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
${hosts}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`
}

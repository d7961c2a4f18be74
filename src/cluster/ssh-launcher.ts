/** Starts engines on other hosts, over the system's own ssh. */

import { connectionFilePaths, waitForFile } from '../config/connection-files.ts'
import { securityDirectory } from '../config/profile.ts'
import { type EngineConnection, readEngineConnection, resolveInterface } from '../protocol/connection-file.ts'
import type { GroupLauncher, Program } from './launcher.ts'
import type { ProgramPlace } from './program.ts'
import { SshConnection, sshCommand } from './ssh-connection.ts'
import { SshJob } from './ssh-job.ts'
import { hostedScript, remoteProgram } from './ssh-program.ts'
import { enginesScript } from './ssh-script.ts'
import type { SshSettings } from './ssh-settings.ts'
import { reverseTunnel, TUNNEL_TRIES, wayFrom } from './ssh-tunnel.ts'
import type { ProgramEnd } from './state/launch-events.ts'

/** How long the controller may take to be there: whoever waits for the engines gives up before. */
const CONTROLLER_MS = 600_000

/** Starts engines on one host: those of one job share a connection, and end with it. */
export function sshLauncher(host: string, settings: SshSettings, place: ProgramPlace): GroupLauncher {
  return {
    kind: 'group',
    name: 'ssh',
    areRanks: false,
    commands: [sshCommand(settings)],
    script: (program, count) => hostedScript(host, settings, program, count),
    submit: (program, count, handlers) =>
      new SshJob(handlers, job => startEngines(job, { host, settings, place, program, count })),
  }
}

interface Order {
  readonly host: string
  readonly settings: SshSettings
  readonly place: ProgramPlace
  readonly program: Program
  readonly count: number
}

async function startEngines(job: SshJob, order: Order): Promise<void> {
  const { profileDir, clusterId } = order.place
  const file = connectionFilePaths(securityDirectory(profileDir), clusterId).engine
  const { cancelled } = job
  await waitForFile(file, { timeoutMs: CONTROLLER_MS, signal: cancelled })
  const way = wayFrom(order.host, await readEngineConnection(file), order.settings.tunnel ?? 'auto')
  if (!way.isTunnelled) {
    cancelled.throwIfAborted()
    connect(job, order, way.connection, [], end => job.end(end))
    return
  }
  const address = (await resolveInterface(way.connection)).slice('tcp://'.length)
  cancelled.throwIfAborted()
  connectThroughTunnel(job, order, way.connection, address, 1)
}

function connectThroughTunnel(
  job: SshJob,
  order: Order,
  connection: EngineConnection,
  address: string,
  tries: number,
): void {
  const there = reverseTunnel(connection, address, Math.random())
  connect(job, order, there.connection, there.args, end => {
    const isRefused = end.output.includes('remote port forwarding failed')
    if (isRefused && tries < TUNNEL_TRIES && !job.cancelled.aborted)
      connectThroughTunnel(job, order, connection, address, tries + 1)
    else job.end(end)
  })
}

function connect(
  job: SshJob,
  { host, settings, place, program, count }: Order,
  connection: EngineConnection,
  forwards: readonly string[],
  onEnd: (end: ProgramEnd) => void,
): void {
  const script = enginesScript({
    ...remoteProgram(program, settings),
    profileDir: place.profileDir,
    count,
    connection: JSON.stringify(connection),
  })
  job.take(new SshConnection({ settings, host, script, forwards, cwd: program.cwd, onEnd }))
}

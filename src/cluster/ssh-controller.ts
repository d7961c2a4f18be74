/**
 * Starts a controller on another host, over the system's own ssh. Its connection files come back by the connection, and
 * everybody here uses them as those of a controller of this machine. Where it cannot be reached from here they lead through
 * a second connection, which forwards its ports.
 */

import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { type Configuration, readConfiguration } from '../config/config-file.ts'
import { isListening, removeConnectionFiles, writeConnectionFiles } from '../config/connection-files.ts'
import { pidRecord, removePidFile, writePidFile } from '../config/pid-file.ts'
import { securityDirectory } from '../config/profile.ts'
import { recordsFilePath } from '../config/records-file.ts'
import { ConfigurationError } from '../errors.ts'
import type { ClientConnection } from '../protocol/connection-file.ts'
import { leaveWill } from './last-will.ts'
import type { GroupLauncher, Program } from './launcher.ts'
import { type ProgramPlace, withOptions } from './program.ts'
import { connectTimeoutMs, SshConnection, sshCommand } from './ssh-connection.ts'
import { explainForward, isPortTaken } from './ssh-failures.ts'
import { FilesReader } from './ssh-files.ts'
import { SshJob } from './ssh-job.ts'
import { hostedScript, remoteProgram } from './ssh-program.ts'
import { controllerScript, FRAME, forwardingScript } from './ssh-script.ts'
import { controllerHost, type SshSettings } from './ssh-settings.ts'
import { type Connections, forwardTunnel, isLocalOnly, TUNNEL_TRIES } from './ssh-tunnel.ts'
import type { ProgramEnd } from './state/launch-events.ts'

const PROBE_POLL_MS = 50
/** What Python's ipcontroller is told of its records. */
const CLASSIC_RECORDS = ['--nodb', '--dictdb', '--sqlitedb']

/** @throws ConfigurationError when no host is named. */
export function sshControllerLauncher(settings: SshSettings = {}, place: ProgramPlace): GroupLauncher {
  const host = controllerHost(settings)
  return {
    kind: 'group',
    name: 'ssh',
    areRanks: false,
    commands: [sshCommand(settings)],
    script(program, count) {
      if (program.args.includes('--reuse')) throw reuseError()
      return hostedScript(host, settings, program, count)
    },
    submit: (program, _count, handlers) =>
      new SshJob(handlers, job => new HostedController(job, host, settings, place, program).start()),
  }
}

class HostedController {
  readonly #job: SshJob
  readonly #host: string
  readonly #settings: SshSettings
  readonly #place: ProgramPlace
  readonly #program: Program
  readonly #files: FilesReader
  #main: SshConnection | undefined
  #mainEnd: ProgramEnd | undefined
  #tunnel: SshConnection | undefined
  /** Why it is ended, where that is not the end of the controller itself. */
  #failure: ProgramEnd | undefined
  #removeFiles = (): void => {}
  #revokeWill = (): void => {}

  constructor(job: SshJob, host: string, settings: SshSettings, place: ProgramPlace, program: Program) {
    this.#job = job
    this.#host = host
    this.#settings = settings
    this.#place = place
    this.#program = program
    this.#files = new FilesReader(host)
  }

  async start(): Promise<void> {
    this.#revokeWill = leaveWill(this.#place)
    try {
      await this.#start()
    } catch (error) {
      this.#revokeWill()
      throw error
    }
  }

  async #start(): Promise<void> {
    const { profileDir, clusterId } = this.#place
    const configuration = await readConfiguration(profileDir, 'ipcontroller')
    if (configuration.reuse === true) throw reuseError()
    const program = withHostedRecords(this.#program, configuration, this.#place)
    this.#job.cancelled.throwIfAborted()
    const script = controllerScript({
      ...remoteProgram(program, this.#settings),
      clusterId,
      configuration: JSON.stringify(configuration),
      isLocated: configuration.location === undefined && !hasOption(program, '--location'),
    })
    this.#main = new SshConnection({
      settings: this.#settings,
      host: this.#host,
      script,
      cwd: program.cwd,
      onStdout: text => this.#heard(text),
      onEnd: end => this.#mainEnded(end),
    })
    this.#job.take(this.#main)
    // First of all: nobody may find the files of a controller that is leaving.
    this.#job.cancelled.addEventListener('abort', () => this.#removeFiles(), { once: true })
  }

  #heard(text: string): void {
    try {
      const files = this.#files.read(text)
      if (files === undefined) return
      this.#reach(files).catch((error: unknown) => this.#fail(endFor((error as Error).message)))
    } catch (error) {
      this.#fail(endFor((error as Error).message))
    }
  }

  /** Has everybody here find the controller. */
  async #reach(files: Connections): Promise<void> {
    const { tunnel = 'auto' } = this.#settings
    const isDirect = tunnel === 'auto' ? !isLocalOnly(files.client) && (await answers(files.client)) : !tunnel
    const here = isDirect ? files : await this.#openTunnel(files, 1)
    if (here === undefined || this.#isEnding) return
    if (await this.#isReached(here.client)) this.#publish(here)
    else if (isDirect) this.#fail(unreached(files.client))
    else
      this.#fail({
        ...endFor(`the connection to ${this.#host} does not lead to it`),
        output: this.#tunnel?.output ?? '',
      })
  }

  /** Resolves with the files that lead through the tunnel; undefined when there is none, and that was told. */
  #openTunnel(files: Connections, tries: number): Promise<Connections | undefined> {
    const { args, ...here } = forwardTunnel(files, this.#host, Math.random())
    return new Promise(resolve => {
      const tunnel = new SshConnection({
        settings: this.#settings,
        host: this.#host,
        script: forwardingScript,
        forwards: args,
        cwd: this.#program.cwd,
        onStdout: text => {
          if (text.includes(FRAME.end)) resolve(here)
        },
        onEnd: end => {
          this.#job.letGo(tunnel)
          this.#tunnel = undefined
          const isRefused = isPortTaken(end.output) && tries < TUNNEL_TRIES && !this.#isEnding
          if (isRefused) resolve(this.#openTunnel(files, tries + 1))
          else {
            resolve(undefined)
            this.#fail(end)
          }
        },
      })
      this.#tunnel = tunnel
      this.#job.takeBeside(tunnel)
    })
  }

  /** Whether the controller answers where the file says, within the time that its host has. */
  async #isReached(client: ClientConnection): Promise<boolean> {
    const deadlineMs = performance.now() + connectTimeoutMs(this.#settings)
    while (!this.#isEnding && performance.now() < deadlineMs) {
      if (await answers(client)) return true
      const refusal = explainForward(this.#tunnel?.output ?? '', this.#host)
      if (refusal !== undefined)
        this.#fail({ ...endFor(refusal.cause, refusal.hint), output: this.#tunnel!.output })
      else await delay(PROBE_POLL_MS)
    }
    return false
  }

  #publish({ client, engine }: Connections): void {
    if (this.#isEnding) return
    const { profileDir, clusterId } = this.#place
    const security = securityDirectory(profileDir)
    // In the place of the controller, which is not of this machine: the files are ours to remove.
    const pidFile = writePidFile(profileDir, pidRecord('controller', clusterId, process.pid))
    this.#removeFiles = () => {
      this.#removeFiles = () => {}
      removeConnectionFiles(security, clusterId, client.key)
      if (pidFile !== undefined) removePidFile(pidFile)
    }
    try {
      writeConnectionFiles(security, clusterId, client, engine)
    } catch (error) {
      this.#fail(endFor((error as Error).message))
    }
  }

  get #isEnding(): boolean {
    return this.#job.cancelled.aborted || this.#failure !== undefined || this.#mainEnd !== undefined
  }

  /** Ends the controller for this reason. */
  #fail(end: ProgramEnd): void {
    this.#failure ??= end
    this.#removeFiles()
    this.#main?.end()
    this.#finish()
  }

  #mainEnded(end: ProgramEnd): void {
    this.#mainEnd = end
    this.#removeFiles()
    this.#tunnel?.kill()
    this.#finish()
  }

  #finish(): void {
    if (this.#mainEnd === undefined || this.#tunnel !== undefined) return
    this.#revokeWill()
    // What the controller itself says of its end comes first, unless it was only asked to.
    const isAsked = this.#failure !== undefined && this.#mainEnd.exitCode === 0
    const { command } = this.#mainEnd
    this.#job.end(isAsked ? { ...(command !== undefined && { command }), ...this.#failure! } : this.#mainEnd)
  }
}

async function answers(client: ClientConnection): Promise<boolean> {
  // A name that is not known here is no way to it either.
  return await isListening(client).catch(() => false)
}

/** Records in a database outlive the controller only where its host keeps what is in their folder. */
function withHostedRecords(program: Program, configuration: Configuration, place: ProgramPlace): Program {
  const given = program.args.find(arg => arg.startsWith('--records='))?.slice('--records='.length)
  const records = given ?? configuration.records
  const isSaid = records !== undefined || CLASSIC_RECORDS.some(flag => program.args.includes(flag))
  if (!isSaid) return withOptions(program, ['--records=memory'])
  const isPlaced = configuration.recordsFile !== undefined || hasOption(program, '--records-file')
  if (records !== 'sql' || isPlaced) return program
  return withOptions(program, [`--records-file=${recordsFilePath(place.profileDir, place.clusterId)}`])
}

function reuseError(): ConfigurationError {
  return new ConfigurationError(
    'a controller over ssh cannot reuse connection files, which its host does not have: leave out reuse, and fix its ports with ports',
  )
}

function hasOption({ args }: Program, name: string): boolean {
  return args.some(arg => arg === name || arg.startsWith(`${name}=`))
}

function unreached({ interface: address, location }: ClientConnection): ProgramEnd {
  const where =
    address === 'tcp://*' || address === 'tcp://0.0.0.0' ? location : address.slice('tcp://'.length)
  return endFor(
    `it listens at ${where}, which this machine does not reach`,
    'have it reached through ssh (ssh: { tunnel: "auto" }), or have it listen where this machine reaches it: ip: "*", location: "NAME"',
  )
}

function endFor(spawnError: string, hint?: string): ProgramEnd {
  const end = { exitCode: null, signal: null, output: '', spawnError }
  return hint === undefined ? end : { ...end, hint }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '../../src/client/client.ts'
import type { ConnectOptions } from '../../src/client/connect.ts'
import { type Controller, type ControllerOptions, startController } from '../../src/controller/controller.ts'
import type { EngineConnection } from '../../src/protocol/connection-file.ts'

const ENGINE_PROGRAM = new URL('../../dist/cli/ipengine.js', import.meta.url).pathname

/** A controller in this process and engines in processes of their own, on real sockets. */
export class RealCluster implements AsyncDisposable {
  readonly controller: Controller
  readonly engines: ChildProcess[] = []
  readonly #folder: string

  private constructor(controller: Controller, folder: string) {
    this.controller = controller
    this.#folder = folder
  }

  /** @param seenByEngines - the connection file of the engines, where it is not the controller's own. */
  static async start(
    engines: number,
    options: ControllerOptions = {},
    seenByEngines: (connection: EngineConnection) => EngineConnection | Promise<EngineConnection> = own =>
      own,
  ): Promise<RealCluster> {
    const controller = await startController({ pingMs: 1000, ...options })
    const cluster = new RealCluster(controller, await mkdtemp(join(tmpdir(), 'client-cluster-')))
    await writeFile(cluster.connectionFile, JSON.stringify(controller.clientConnection))
    await writeFile(cluster.#engineFile, JSON.stringify(await seenByEngines(controller.engineConnection)))
    for (let i = 0; i < engines; i++) cluster.addEngine()
    return cluster
  }

  get connectionFile(): string {
    return join(this.#folder, 'ipcontroller-client.json')
  }

  /** Connects, and waits for all engines. */
  async connect(options: ConnectOptions = {}): Promise<Client> {
    const rc = await Client.connect({ connectionFile: this.connectionFile, ...options })
    await rc.waitForEngines(this.engines.length, { timeout: 20 })
    return rc
  }

  addEngine(): ChildProcess {
    const engine = spawn(process.execPath, [ENGINE_PROGRAM, `--file=${this.#engineFile}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    this.engines.push(engine)
    return engine
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.controller.stop()
    await Promise.all(this.engines.map(end))
    await rm(this.#folder, { recursive: true, force: true })
  }

  get #engineFile(): string {
    return join(this.#folder, 'ipcontroller-engine.json')
  }
}

/** Ends a process, whatever it does. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

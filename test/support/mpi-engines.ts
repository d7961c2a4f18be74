import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { Client } from '../../src/client/client.ts'
import { startController } from '../../src/controller/controller.ts'
import type { MpiFamily } from './mpi.ts'

const ENGINE = new URL('../../dist/cli/ipengine.js', import.meta.url).pathname

/** A controller here, and engines that an mpiexec started. */
export class MpiEngines implements AsyncDisposable {
  readonly rc: Client
  readonly #close: () => Promise<number | null>
  #stopped: Promise<number | null> | undefined

  private constructor(rc: Client, close: () => Promise<number | null>) {
    this.rc = rc
    this.#close = close
  }

  static async start(family: MpiFamily, n: number): Promise<MpiEngines> {
    const folder = await mkdtemp(join(tmpdir(), 'mpi-engines-'))
    const controller = await startController({ pingMs: 1000 })
    const file = join(folder, 'ipcontroller-engine.json')
    await writeFile(file, JSON.stringify(controller.engineConnection), { mode: 0o600 })
    const command = [...family.options, '-n', String(n), process.execPath, ENGINE, '--mpi', `--file=${file}`]
    const child = spawn(family.mpiexec, command, { stdio: ['ignore', 'inherit', 'inherit'] })
    const ended = new Promise<number | null>(resolve => child.once('close', resolve))
    const rc = await Client.connect({ connection: controller.clientConnection })
    await rc.waitForEngines(n, { timeout: 30 })
    return new MpiEngines(rc, async () => {
      await rc.shutdown()
      const exitCode = await ended
      await rc.close()
      await controller.stop()
      await rm(folder, { recursive: true, force: true })
      return exitCode
    })
  }

  /** Ends the engines. @returns with what code mpiexec ended. */
  stop(): Promise<number | null> {
    this.#stopped ??= this.#close()
    return this.#stopped
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

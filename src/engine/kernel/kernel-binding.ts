import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type { Logger } from '../../base/log.ts'
import { RateLimitedWarnings } from '../../base/log.ts'
import { writePrivateFile } from '../../config/private-file.ts'
import { tcpTransport } from '../../transport/tcp.ts'
import type { RequestAcceptor } from '../shell-replies.ts'
import { KernelLink } from './kernel-link.ts'
import type { KernelPorts } from './kernel-sockets.ts'

/** Only programs of this machine, of this user: they must be able to read the file with the key. */
const IP = '127.0.0.1'

export interface KernelBindingOptions {
  readonly uuid: string
  readonly log: Logger
  readonly nowMs: () => number
  readonly onRequest: RequestAcceptor
  /** Has the io thread bind its sockets. */
  readonly bindIo: (address: string, key: string) => Promise<KernelPorts>
}

/** Opens an engine to Jupyter's clients (`jupyter console --existing`), at most once. */
export class KernelBinding {
  readonly #options: KernelBindingOptions
  #bound: Promise<string> | undefined
  #link: KernelLink | undefined
  #path: string | undefined

  constructor(options: KernelBindingOptions) {
    this.#options = options
  }

  /**
   * @returns path of the kernel's connection file, which only this user can read.
   * @throws ConnectionError when no port can be had, ConfigurationError when the file cannot be written.
   */
  bind(): Promise<string> {
    this.#bound ??= this.#bind()
    return this.#bound
  }

  async close(lingerMs: number): Promise<void> {
    if (this.#path !== undefined) rmSync(this.#path, { force: true })
    await this.#link?.close(lingerMs)
  }

  async #bind(): Promise<string> {
    const { uuid, log, nowMs, onRequest, bindIo } = this.#options
    const key = randomBytes(16).toString('hex')
    const address = `tcp://${IP}`
    const warnings = new RateLimitedWarnings(log, nowMs)
    const link = new KernelLink({ transport: tcpTransport, uuid, key, warnings, onRequest })
    this.#link = link
    const shell = await link.bind(address)
    const { iopub, stdin, control, hb } = await bindIo(address, key)
    const connection = {
      ip: IP,
      transport: 'tcp',
      shell_port: shell,
      iopub_port: iopub,
      stdin_port: stdin,
      control_port: control,
      hb_port: hb,
      key,
      signature_scheme: 'hmac-sha256',
      kernel_name: 'itsparallel',
    }
    this.#path = join(runtimeDirectory(), `kernel-${uuid}.json`)
    writePrivateFile(this.#path, JSON.stringify(connection, undefined, 2))
    return this.#path
  }
}

/** Where Jupyter's programs look for the files of running kernels. */
function runtimeDirectory(): string {
  const { JUPYTER_RUNTIME_DIR: runtime, JUPYTER_DATA_DIR: data, XDG_DATA_HOME: home } = process.env
  if (runtime) return runtime
  if (data) return join(data, 'runtime')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Jupyter', 'runtime')
  return join(home || join(homedir(), '.local', 'share'), 'jupyter', 'runtime')
}

import { parseClientConnection, parseEngineConnection } from '../protocol/connection-file.ts'
import { FRAME } from './ssh-script.ts'
import type { Connections } from './ssh-tunnel.ts'

/** What a shell may say before the files come, in characters. */
const NOISE_MAX = 1_000_000

const FILES = new RegExp(`${FRAME.engine}\n(.*?)\n${FRAME.client}\n(.*?)\n${FRAME.end}\n`, 's')

/** Takes the connection files out of what comes from a controller's host. */
export class FilesReader {
  readonly #source: string
  #text = ''
  #isDone = false

  constructor(host: string) {
    this.#source = `what ${host} sent`
  }

  /**
   * @returns the files when they have just become complete.
   * @throws ConfigurationError when they are no connection files.
   */
  read(text: string): Connections | undefined {
    if (this.#isDone) return undefined
    this.#text = (this.#text + text).slice(-NOISE_MAX)
    const found = FILES.exec(this.#text)
    if (found === null) return undefined
    this.#isDone = true
    this.#text = ''
    const [, engine = '', client = ''] = found
    return {
      client: parseClientConnection(client, this.#source),
      engine: parseEngineConnection(engine, this.#source),
    }
  }
}

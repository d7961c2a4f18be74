/**
 * Stories: text files that tell the cluster what to do and show what it then did, a line a message.
 *
 * A story is a list of scenes, set apart by empty lines. Each has commands, a line `----`, and what happened. A line that
 * begins with `#` is a comment. The commands are listed at `COMMANDS`.
 */

import type { Fate } from './fate.ts'
import type { Program } from './program.ts'
import type { SimulatedClient } from './simulated-client.ts'
import { SimulatedCluster } from './simulated-cluster.ts'
import type { SimulatedEngine } from './simulated-engine.ts'
import { PLAIN_WISH, type Wish } from './wish.ts'
import type { End } from './witness.ts'

/** How long a scene goes on after its last command. */
const SCENE_MS = 5
const START_MS = 500

type Words = readonly string[]
type Command = (teller: Teller, words: Words, options: ReadonlyMap<string, string>) => Promise<void> | void

const COMMANDS: Readonly<Record<string, Command>> = {
  /** `engines 2 [hwm=1] [clients=1]`: a cluster with engines and clients, all of them ready. Must come first. */
  engines: (teller, [count], options) => teller.start(Number(count), options),
  /** `submit t1 [to=0] [run=20] [retries=1] [throws=1] [after=t0] [follow=t0] [targets=0] [kills] [refuses] [stock] …` */
  submit: (teller, words, options) => teller.submit(words, options),
  /** `broadcast b1 [targets=0,1] [coalesces] [run=20] [throws=1] [stock] …`: to all engines, or some. */
  broadcast: (teller, words, options) => teller.broadcast(words, options),
  /** `resubmit t1`: the hub submits it again. */
  resubmit: (teller, [name]) => teller.resubmit(name!),
  /** `abort t1` */
  abort: (teller, names) => teller.abort(names),
  /** `join`: another engine starts. */
  join: teller => void teller.cluster.addEngine(),
  /** `kill engine 0` */
  kill: (teller, [, number]) => teller.cluster.kill(teller.engine(number)),
  /** `leave engine 0`: it says that it goes. */
  leave: (teller, [, number]) => teller.cluster.leave(teller.engine(number)),
  /** `silence engine 0`: as by SIGSTOP. */
  silence: (teller, [, number]) => teller.engine(number).process.stop(),
  /** `continue engine 0` */
  continue: (teller, [, number]) => teller.engine(number).process.goOn(),
  /** `cut engine 0 [task]`: one of its connections breaks, or all. */
  cut: (teller, [, number, channel]) => teller.cut(teller.engine(number), channel),
  /** `wait 500`: milliseconds. */
  wait: (teller, [span]) => teller.cluster.run(Number(span)),
  /** `shutdown hub` */
  shutdown: teller => teller.shutDown(),
}

/** Runs a story, and gives it as it should read. @throws Error for a command that makes no sense. */
export async function tellStory(text: string): Promise<string> {
  const teller = new Teller()
  const told: string[] = []
  for (const scene of text.trim().split(/\n\n+/)) {
    const lines = scene.split('\n')
    const end = lines.indexOf('----')
    const commands = end === -1 ? lines : lines.slice(0, end)
    told.push([...commands, ...(end === -1 ? [] : ['----', ...(await teller.play(commands))])].join('\n'))
  }
  await teller.end()
  return `${told.join('\n\n')}\n`
}

class Teller {
  cluster!: SimulatedCluster
  readonly #fates = new Map<string, Fate>()

  /** @returns what happened. */
  async play(commands: Words): Promise<string[]> {
    const before = this.#heard.length
    for (const line of commands) {
      if (line.startsWith('#')) continue
      const all = line.split(' ').filter(word => word !== '')
      const options = new Map(all.filter(word => word.includes('=')).map(pairOf))
      const [name, ...words] = all.filter(word => !word.includes('='))
      const command = COMMANDS[name!]
      if (command === undefined) throw new Error(`there is no command "${name}" in stories: ${line}`)
      await command(this, words, options)
    }
    await this.cluster.run(SCENE_MS)
    return this.#heard.slice(before)
  }

  get #heard(): string[] {
    // Without the time, which says little and changes with everything.
    return this.cluster === undefined ? [] : this.cluster.journal.map(line => line.slice(11))
  }

  async end(): Promise<void> {
    await this.cluster.close()
  }

  async start(count: number, options: ReadonlyMap<string, string>): Promise<void> {
    const hwm = options.get('hwm') ?? '1'
    this.cluster = await SimulatedCluster.start({
      seed: 1,
      trace: true,
      controller: { hwm: hwm === 'auto' ? hwm : Number(hwm), pingMs: 1000, heartMissesMax: 3 },
    })
    for (let i = 0; i < Number(options.get('clients') ?? 1); i++) this.cluster.addClient()
    await this.cluster.run(START_MS)
    for (let i = 0; i < count; i++) {
      this.cluster.addEngine()
      await this.cluster.run(START_MS)
    }
    await this.cluster.run(2 * START_MS)
    this.cluster.journal.length = 0
  }

  engine(number: string | undefined): SimulatedEngine {
    const engine = this.cluster.engines[Number(number)]
    if (engine === undefined) throw new Error(`there is no engine ${number} in this story`)
    return engine
  }

  submit([name, ...flags]: Words, options: ReadonlyMap<string, string>): void {
    const { cluster } = this
    const to = options.get('to')
    const targets = to ?? options.get('targets')
    const wish: Wish = {
      program: programOf(name!, flags, options),
      route: to === undefined ? 'balanced' : 'direct',
      own: !flags.includes('stock'),
      retries: Number(options.get('retries') ?? 0),
      timeoutMs: options.has('timeout') ? Number(options.get('timeout')) : Number.POSITIVE_INFINITY,
      after: this.#dependency(options.get('after')),
      follow: this.#dependency(options.get('follow')),
      targets: targets?.split(',').map(number => this.engine(number).uuid),
    }
    this.#fates.set(name!, cluster.requests.submit(this.#client(options), name!, wish, this.#tellEnd))
  }

  broadcast([name, ...flags]: Words, options: ReadonlyMap<string, string>): void {
    const { cluster } = this
    const targets = options
      .get('targets')
      ?.split(',')
      .map(number => this.engine(number).uuid)
    const wish = {
      ...PLAIN_WISH,
      program: programOf(name!, flags, options),
      route: 'broadcast',
      own: !flags.includes('stock'),
      targets: targets ?? cluster.engines.map(({ uuid }) => uuid),
    } as const
    cluster.requests.broadcast(this.#client(options), name!, wish, flags.includes('coalesces'), this.#tellEnd)
  }

  resubmit(name: string): void {
    this.#fates.set(`${name} again`, this.cluster.requests.resubmit(this.#fates.get(name)!, this.#tellEnd))
  }

  #client(options: ReadonlyMap<string, string>): SimulatedClient {
    return this.cluster.clients[Number(options.get('client') ?? 0)]!
  }

  readonly #tellEnd = ({ name, client }: Fate, { error }: End): void => {
    const what = error === undefined ? 'has its value' : `failed: ${error.name}`
    this.cluster.note(`client ${client.number}: ${name} ${what}`)
  }

  abort(names: Words): void {
    const fates = names.map(name => this.#fates.get(name)!)
    for (const fate of fates) fate.abortAsked = true
    fates[0]!.client.abort(fates.map(({ record }) => record!))
  }

  cut(engine: SimulatedEngine, channel: string | undefined): void {
    const links = this.cluster.network.connectionsOf(engine.process)
    const broken = links.filter(
      link => channel === undefined || this.cluster.wiretap.channelOf(link) === channel,
    )
    if (broken.length === 0) throw new Error(`engine ${engine.number} has no connection to ${channel}`)
    this.cluster.cut(engine, broken, 1)
  }

  shutDown(): void {
    this.cluster.clients[0]!.ask('shutdown_request', {})
  }

  #dependency(names: string | undefined): Wish['after'] {
    if (names === undefined) return undefined
    const ids = names.split(/[,|]/).map(name => this.#fates.get(name)!.record!.msgId)
    return { ids, all: !names.includes('|'), success: true, failure: false }
  }
}

function programOf(name: string, flags: Words, options: ReadonlyMap<string, string>): Program {
  const throws = options.get('throws')
  const end: Program['end'] = flags.includes('kills')
    ? { type: 'kill' }
    : flags.includes('refuses')
      ? { type: 'refuse', every: 0 }
      : throws === undefined
        ? { type: 'value' }
        : { type: 'throw', times: Number(throws) }
  return { name, runMs: Number(options.get('run') ?? 1), end, prints: Number(options.get('prints') ?? 0) }
}

function pairOf(word: string): [string, string] {
  const at = word.indexOf('=')
  return [word.slice(0, at), word.slice(at + 1)]
}

import { Peer, PeerMissing } from './peer.ts'
import { type Command, type PeerName, roster } from './roster.ts'
import { median, type Workload } from './workload.ts'

/** What one peer reached in one workload. */
export interface Figure {
  readonly workload: Workload
  readonly peer: PeerName
  readonly version: string
  /** The median of the rounds; absent when the peer is missing or failed. */
  readonly value?: number
  readonly rounds: readonly number[]
  /** Why there is no value. */
  readonly missing?: string
  readonly failed?: string
}

/** What is known of a peer while its workload runs. */
interface Entry {
  readonly name: PeerName
  readonly rounds: number[]
  peer?: Peer
  missing?: string
  failed?: string
}

/**
 * Measures one workload on all its peers side by side: a round of each in turn (A B C, A B C, …), so that what else
 * the machine does in the meantime falls on all of them alike. Peers live for one workload, so that nobody's idle
 * cluster disturbs another workload's figures.
 */
export async function measureWorkload(
  workload: Workload,
  names: readonly PeerName[],
  commands: Readonly<Record<PeerName, Command>> = roster,
): Promise<Figure[]> {
  const entries: Entry[] = names
    .filter(name => workload.shares[name] !== undefined)
    .map(name => ({ name, rounds: [] }))
  try {
    for (const entry of entries) await start(entry, commands[entry.name])
    for (let round = -(workload.warmUps ?? 0); round < workload.rounds; round++) {
      for (const entry of entries) await measureRound(entry, workload, round)
    }
  } finally {
    await Promise.all(entries.map(entry => entry.peer?.close()))
  }
  return entries.map(entry => figure(entry, workload))
}

async function start(entry: Entry, command: Command): Promise<void> {
  try {
    entry.peer = await Peer.start(command)
  } catch (error) {
    if (error instanceof PeerMissing) entry.missing = error.message
    else entry.failed = messageOf(error)
  }
}

async function measureRound(entry: Entry, workload: Workload, round: number): Promise<void> {
  const { name, peer } = entry
  const share = workload.shares[name]!
  const { count, rounds = workload.rounds, parts = [{ count }] } = share
  if (peer === undefined || entry.failed !== undefined || round >= rounds) return
  try {
    const seconds: number[] = []
    for (const part of parts) {
      const question = { workload: workload.asks ?? workload.name, engines: workload.engines, ...part }
      seconds.push(...(await peer.measure(question)))
    }
    if (round >= 0) entry.rounds.push(workload.figure(seconds, count))
  } catch (error) {
    entry.failed = messageOf(error)
  }
}

function figure(entry: Entry, workload: Workload): Figure {
  const { name, rounds, peer, missing, failed } = entry
  return {
    workload,
    peer: name,
    version: peer?.version ?? '',
    rounds,
    // A peer that failed half way has no figure: half of its rounds would look like a result.
    ...(missing === undefined && failed === undefined && { value: median(rounds) }),
    ...(missing !== undefined && { missing }),
    ...(failed !== undefined && { failed }),
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

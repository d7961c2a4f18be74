/** What one engine has before it, and has done. Counts, or with `verbose` message ids. */
export interface EngineQueue<Entry> {
  /** Direct requests that have not been answered. */
  readonly queue: Entry
  readonly completed: Entry
  /** Load-balanced tasks that it was given and has not finished. */
  readonly tasks: Entry
}

/** By engine id; and how many tasks wait for an engine. */
export interface QueueStatus<Entry> {
  readonly [engineId: number]: EngineQueue<Entry>
  readonly unassigned: Entry
}

/** From the hub's reply, whose keys are engine numbers as text among others. */
export function readQueueStatus<Entry>(content: Readonly<Record<string, unknown>>): QueueStatus<Entry> {
  const engines = Object.entries(content).filter(([key]) => /^\d+$/.test(key))
  return { ...Object.fromEntries(engines), unassigned: content.unassigned as Entry }
}

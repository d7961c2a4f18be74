/** What a simulated engine does for a request: the only payload there is in simulations. */
export interface Program {
  readonly name: string
  /** How long it takes. */
  readonly runMs: number
  readonly end:
    | { readonly type: 'value' }
    /** Throws the first so many times that it is run, wherever that is. */
    | { readonly type: 'throw'; readonly times: number }
    /** Its functional dependency is met only on every so-many-th engine, or, with 0, on none. */
    | { readonly type: 'refuse'; readonly every: number }
    /** Kills the engine that runs it. */
    | { readonly type: 'kill' }
  /** How many lines it prints. */
  readonly prints: number
}

export function packProgram(program: Program): Buffer {
  return Buffer.from(JSON.stringify(program))
}

export function readProgram(buffer: Buffer): Program {
  return JSON.parse(buffer.toString()) as Program
}

/** What a program gives: its own name and where it ran, so that nobody can be given the result of another. */
export function valueFor(name: string, engine: string): string {
  return `the value of ${name} at ${engine}`
}

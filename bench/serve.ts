import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Question } from './peer.ts'

/** Measures one round. @returns the seconds of its samples. */
export type Measure = (count: number, engines: number, taskSeconds: number) => Promise<number[]>

/**
 * The peer's side of the harness, for peers in JavaScript: answers questions from stdin on descriptor 3 until stdin
 * ends, then closes what `measures` opened.
 */
export async function serve(
  version: string,
  measures: Readonly<Record<string, Measure>>,
  close: () => Promise<unknown>,
): Promise<void> {
  const answers = createWriteStream('', { fd: 3 })
  const say = (answer: object): void => void answers.write(`${JSON.stringify(answer)}\n`)
  say({ version })
  try {
    for await (const line of createInterface({ input: process.stdin })) {
      const { workload, count, engines, taskSeconds = 0 } = JSON.parse(line) as Question
      try {
        const measure = measures[workload]
        if (measure === undefined) throw new Error(`this peer has no workload ${workload}`)
        say({ seconds: await measure(count, engines, taskSeconds) })
      } catch (error) {
        say({ failed: String(error) })
      }
    }
  } finally {
    await close()
    answers.end()
  }
}

/** The seconds that `work` takes. */
export async function timed(work: () => PromiseLike<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return (performance.now() - startedMs) / 1000
}

/** The seconds of each of `count` calls, one after the other. */
export async function samples(count: number, once: () => PromiseLike<unknown>): Promise<number[]> {
  const seconds: number[] = []
  for (let i = 0; i < count; i++) seconds.push(await timed(once))
  return seconds
}

/** A Float64Array of `mib` MiB that counts up from 0. */
export function doubles(mib: number): Float64Array {
  return Float64Array.from({ length: (mib * 2 ** 20) / 8 }, (_, i) => i)
}

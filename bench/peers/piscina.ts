import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import { samples, serve, timed } from '../serve.ts'

/** piscina: threads in the client's own process, so its tasks cross no socket and no process. */
let pool: Piscina | undefined

function threads(engines: number): Piscina {
  pool ??= new Piscina({
    filename: fileURLToPath(new URL('./no-op.mjs', import.meta.url)),
    minThreads: engines,
    maxThreads: engines,
  })
  return pool
}

await serve(
  Piscina.version,
  {
    tasks: async (count, engines) => {
      const { run } = bound(threads(engines))
      return [await timed(() => Promise.all(Array.from({ length: count }, run)))]
    },
    busy: async (count, engines, taskSeconds) => {
      const piscina = threads(engines)
      return [await timed(() => Promise.all(Array.from({ length: count }, () => piscina.run(taskSeconds))))]
    },
    latency: (count, engines) => samples(count, bound(threads(engines)).run),
  },
  async () => pool?.destroy(),
)

function bound(piscina: Piscina): { run: () => Promise<unknown> } {
  return { run: () => piscina.run(undefined) }
}

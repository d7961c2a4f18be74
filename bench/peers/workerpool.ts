import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import workerpool from 'workerpool'
import { samples, serve, timed } from '../serve.ts'

/** workerpool: processes on this machine, over Node's own IPC channel. */
let pool: ReturnType<typeof workerpool.pool> | undefined

function processes(engines: number): ReturnType<typeof workerpool.pool> {
  pool ??= workerpool.pool({ workerType: 'process', minWorkers: engines, maxWorkers: engines })
  return pool
}

/** One call of a no-op function in the pool. */
function noOp(engines: number): () => Promise<unknown> {
  const opened = processes(engines)
  return async () => opened.exec(() => 0, [])
}

const busy = (seconds: number): void => {
  const endMs = performance.now() + seconds * 1000
  while (performance.now() < endMs);
}

const manifest = createRequire(import.meta.url).resolve('workerpool/package.json')
const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }

await serve(
  version,
  {
    tasks: async (count, engines) => {
      const run = noOp(engines)
      return [await timed(() => Promise.all(Array.from({ length: count }, run)))]
    },
    busy: async (count, engines, taskSeconds) => {
      const opened = processes(engines)
      const run = async () => opened.exec(busy, [taskSeconds])
      return [await timed(() => Promise.all(Array.from({ length: count }, run)))]
    },
    latency: (count, engines) => samples(count, noOp(engines)),
  },
  async () => pool?.terminate(true),
)

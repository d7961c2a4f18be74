/**
 * What an AsyncResult tells: how far it is, what is printed while it runs, when and where each part ran, and what failed.
 *
 *   npm run build && node --import tsx examples/results.ts
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster } from 'itsparallel'

await using cluster = await Cluster.start({ n: 2 })
const rc = await cluster.connect()
const view = rc.directView()

async function countDown(from: number) {
  for (let i = from; i > 0; i--) {
    console.log(`${i} …`)
    await sleep(50)
  }
  return process.hrtime.bigint()
}

// Output as it is printed, with the engine that it comes from, while the function runs.
const result = view.apply(countDown, 3)
const lines: string[] = []
for await (const output of result.streamOutputs())
  if (output.type === 'stream')
    for (const line of output.text.trimEnd().split('\n')) lines.push(`engine ${output.engineId}: ${line}`)
console.log(lines.sort().join('\n'))

// When and where each part ran.
for (const { engineId, status, submitted, started, completed, received } of result.metadata) {
  const inOrder = submitted <= received! && started! <= completed!
  console.log(`engine ${engineId}: ${status}, its times in order: ${inOrder}`)
}

// All output afterwards, labelled. (To see what is going on, `displayOutputs()` writes to this terminal.)
await view.execute('console.log("one"); 6 * 7', { silent: false }).displayOutputs()

// Progress: a bar on a terminal, a line now and then elsewhere.
const many = rc
  .loadBalancedView()
  .with({ chunkSize: 25 })
  .map((x: number) => x ** 2, Array(100).keys())
await many.waitInteractive()
console.log(`${many.progress} of ${many.length} squares, the last ${(await many).at(-1)}`)

// Some fail: the values of the others are not lost, and a glance tells how it stands.
await view.scatter('work', [7])
const mixed = view.apply(takeWork)
console.log((await mixed.allSettled()).map(end => end.status))
console.log(String(mixed).replace(/[\d.]+ s/, '… s'))

/** The engine's own piece of what was scattered. */
declare const work: number[]

function takeWork() {
  if (work.length === 0) throw new RangeError('nothing to do')
  return work[0]
}

/**
 * Tasks that depend on one another: a random directed acyclic graph, in which no task may start before those that point
 * at it have finished. The scheduler keeps the order; we hand in all tasks at once, and check its work afterwards.
 *
 *   npm run dag
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type AsyncResult, Cluster } from 'itsparallel'

const NODES = 32
const EDGES = 128

/** For each node the ones that point at it: always lower numbers, so that no way leads back. */
function randomGraph(nodes: number, edges: number, random: () => number): Set<number>[] {
  const sources = Array.from({ length: nodes }, () => new Set<number>())
  for (let count = 0; count < edges; ) {
    const [a, b] = [Math.floor(random() * nodes), Math.floor(random() * nodes)]
    const into = sources[Math.max(a, b)]!
    if (a === b || into.has(Math.min(a, b))) continue
    into.add(Math.min(a, b))
    count += 1
  }
  return sources
}

/** The same numbers in every run (Park and Miller's generator), so that the graph is the same as well. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

await using cluster = await Cluster.start({ n: 4 })
const rc = await cluster.connect()
const view = rc.loadBalancedView()

const sources = randomGraph(NODES, EDGES, seeded(7))
const work = async (node: number) => {
  await sleep(1 + (node % 5) * 4)
  return node
}

const results: AsyncResult<number, 'one'>[] = []
for (const [node, before] of sources.entries()) {
  const after = [...before].map(source => results[source]!)
  results.push(view.with({ after }).apply(work, node))
}
const nodes = await Promise.all(results)

const started = results.map(({ metadata }) => metadata.started!.getTime())
const finished = results.map(({ metadata }) => metadata.completed!.getTime())
const edges = sources.flatMap((before, node) => [...before].map(source => [source, node] as const))
const kept = edges.filter(([source, node]) => started[node]! >= finished[source]!)

/** Nodes on the longest way to each: how many must run one after the other, however many engines there are. */
const depths: number[] = []
for (const before of sources) depths.push(1 + Math.max(0, ...[...before].map(source => depths[source]!)))

console.log(`${nodes.length} tasks, ${edges.length} edges, the longest way has ${Math.max(...depths)} tasks`)
console.log(`tasks that had nothing to wait for: ${depths.filter(depth => depth === 1).length}`)
console.log(`edges whose end started after their beginning had finished: ${kept.length} of ${edges.length}`)

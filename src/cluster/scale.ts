import { type ClusterStatus, loadOf } from './status.ts'

/** What scaling needs of a cluster. */
export interface ScalableCluster {
  askStatus(): Promise<ClusterStatus>
  /** Resolves when they are up. */
  addEngines(n: number): Promise<unknown>
  /** Resolves when they are gone. */
  stopEngines(ids: readonly number[]): Promise<void>
}

/** Makes a cluster have `n` engines; where there are too many, those with the least to do are ended, the newest first. */
export async function scaleTo(cluster: ScalableCluster, n: number): Promise<void> {
  const { engines } = await cluster.askStatus()
  const missing = n - engines.length
  if (missing > 0) await cluster.addEngines(missing)
  if (missing >= 0) return
  const leastBusy = [...engines].sort((a, b) => loadOf(a) - loadOf(b) || b.id - a.id)
  await cluster.stopEngines(leastBusy.slice(0, -missing).map(engine => engine.id))
}

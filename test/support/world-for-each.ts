import { afterEach, beforeEach, vi } from 'vitest'
import { ClusterWorld } from './cluster-world.ts'

/**
 * Gives each test a world of its own, in which the test's own process finds its profiles as well.
 *
 * @param variables - further environment variables of this process.
 */
export function worldForEach(
  take: (fresh: ClusterWorld) => void = () => {},
  variables: Readonly<Record<string, string>> = {},
): void {
  let world: ClusterWorld
  beforeEach(() => {
    world = new ClusterWorld()
    take(world)
    for (const [name, value] of Object.entries({ IPYTHONDIR: world.ipythonDir, ...variables }))
      vi.stubEnv(name, value)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await world.close()
  })
}

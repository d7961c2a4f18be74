import { Cluster } from 'itsparallel'
import { expect, it } from 'vitest'

const MINUTES = 10

it(
  `an engine that is blocked for ${MINUTES} minutes is never taken for dead`,
  async () => {
    await using cluster = await Cluster.start({ n: 2 })
    await using rc = await cluster.connect()
    const pid = await rc.at(0).apply(() => process.pid)
    rc.on('engine:unregistered', ({ id }) => expect.unreachable(`engine ${id} was given up`))
    const block = (ms: number) => {
      const endMs = Date.now() + ms
      while (Date.now() < endMs);
      return process.pid
    }
    expect(await rc.at(0).apply(block, MINUTES * 60_000)).toBe(pid)
    expect(rc.ids).toEqual([0, 1])
  },
  (MINUTES + 2) * 60_000,
)

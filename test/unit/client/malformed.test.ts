import { expect, it } from 'vitest'
import { bombardClient, CLIENT_CHANNELS } from '../../support/nonsense.ts'
import { FakeCluster, type FakeRequest } from './fake-cluster.ts'

it.each(CLIENT_CHANNELS)(
  'a client is unmoved by 100,000 malformed messages to its %s socket, and says little',
  async channel => {
    const cluster = await FakeCluster.start(2)
    const warnings: string[] = []
    const ignore = () => {}
    const log = {
      debug: ignore,
      info: ignore,
      warn: (text: string) => void warnings.push(text),
      error: ignore,
    }
    await using rc = await cluster.connect({ log })
    // A socket has no name until it is heard of.
    await Promise.all([rc.clear(), rc.loadBalancedView().apply(() => 1), rc.broadcastView().apply(() => 1)])
    const held = new Promise<FakeRequest>(resolve => {
      cluster.answer = request => {
        resolve(request)
        return undefined
      }
    })
    const result = rc.at(1).apply((x: number) => x + 1, 41)
    const request = await held
    await bombardClient(cluster, channel, 100_000, 20261122)
    expect(rc.ids).toEqual([0, 1])
    expect(rc.outstanding).toEqual(result.msgIds)
    cluster.reply(request, await request.engine!.run(request.envelope))
    expect(await result).toBe(42)
    expect(warnings.length).toBeGreaterThan(0)
    expect(warnings.length).toBeLessThan(1000)
    await rc.close()
    await cluster.close()
  },
  120_000,
)

/**
 * The hub remembers what ran. A first client hands in tasks and leaves before they are done; a second one, in another
 * process, finds them, waits for their results, looks into the records, and runs again what failed.
 *
 *   npm run hub
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, Cluster, type RemoteError } from 'itsparallel'

/** The first client: `node hub.ts CONNECTION_FILE`. It tells the ids of its tasks to whoever started it. */
async function handIn(connectionFile: string): Promise<void> {
  const rc = await Client.connect({ connectionFile })
  const view = rc.loadBalancedView()
  const cubes = [1, 2, 3].map(x =>
    view.apply(async n => {
      await sleep(100)
      console.log(`cube of ${n}`)
      return n ** 3
    }, x),
  )
  // It fails as long as nobody has pushed a limit to the engines.
  const limited = view.apply(() => (globalThis as unknown as { limit: number }).limit.toFixed(1))
  const results = [...cubes, limited]
  await Promise.all(results.map(result => result.sent))
  process.send!(results.flatMap(result => result.msgIds))
  await rc.close()
}

async function lookBack(): Promise<void> {
  await using cluster = await Cluster.start({ n: 2 })
  const first = fork(fileURLToPath(import.meta.url), [cluster.connectionFile])
  const [ids] = (await once(first, 'message')) as [string[]]
  if (first.exitCode === null) await once(first, 'exit')
  console.log(`the first client is gone, and left ${ids.length} tasks`)

  await using rc = await cluster.connect()
  const [one, two, three, limited] = ids as [string, string, string, string]
  const cubes = rc.getResult([one, two, three])
  console.log('its cubes:', await cubes)
  console.log('what they printed:', cubes.stdout.map(text => text.trim()).join(', '))
  const failure = await rc.getResult(limited).catch(error => error)
  console.log('its failure:', (failure as RemoteError).ename)

  const failed = await rc.dbQuery({ resultContent: { $ne: { status: 'ok' } } }, ['queue'])
  console.log('failed, by the records:', failed.length)
  await rc.directView().push({ limit: 10 })
  console.log('run again:', await rc.resubmit(limited))

  await rc.purgeResults(ids)
  const left = (await rc.hubHistory()).filter(id => ids.includes(id))
  console.log('left after purging:', left.length)
}

const [connectionFile] = process.argv.slice(2)
if (connectionFile === undefined) await lookBack()
else await handIn(connectionFile)

/** The hub's records, asked by real clients in processes of their own, and over the end of their controller. */

import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Client, EngineError, RemoteError, UsageError } from '../../src/index.ts'
import { ClusterWorld, type Started } from '../support/cluster-world.ts'
import { RealCluster } from './client-support.ts'

let world: ClusterWorld
beforeEach(() => {
  world = new ClusterWorld()
})
afterEach(() => world.close())

/** A client in a process of its own: `body` has `rc` and `lview`. */
function otherClient(connectionFile: string, body: string): Started {
  return world.startProgram(`
    import { Client } from 'itsparallel'
    const rc = await Client.connect({ connectionFile: ${JSON.stringify(connectionFile)} })
    await rc.waitForEngines(1, { timeout: 20 })
    const lview = rc.loadBalancedView()
    ${body}
    await rc.close()`)
}

async function idsPrinted(program: Started): Promise<string[]> {
  const { stdout, stderr, code } = await program.finished
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return stdout.trim().split(' ')
}

describe('results of another client', () => {
  it('come with values, errors, output and metadata, and are found, resubmitted and purged', async () => {
    await using cluster = await RealCluster.start(1)
    const program = otherClient(
      cluster.connectionFile,
      `const good = lview.apply(x => { console.log('told', x); return new Map([[x, [1, 2n]]]) }, 'key')
       const bad = rc.at(0).apply(() => { throw new RangeError('too far') })
       const plain = lview.apply(() => 7)
       const shown = rc.at(0).execute('6 * 7', { silent: false })
       await rc.wait([good, bad, plain, shown])
       console.log([good, bad, plain, shown].flatMap(ar => ar.msgIds).join(' '))`,
    )
    const [good, bad, plain, shown] = (await idsPrinted(program)) as [string, string, string, string]
    await using rc = await cluster.connect()

    expect(await rc.hubHistory()).toEqual([good, bad, plain, shown])
    const value = rc.getResult(good)
    expect(await value).toEqual(new Map([['key', [1, 2n]]]))
    expect(value.stdout).toBe('told key\n')
    expect(value.msgIds).toEqual([good])
    expect(value.metadata).toMatchObject({ status: 'ok', engineId: 0, msgId: good })
    const { submitted, started, completed, received } = value.metadata
    const times = [submitted, started, completed, received].map(date => date!.getTime())
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times[0]).toBeLessThan(Date.now())

    const failed = rc.getResult(bad)
    await expect(failed).rejects.toThrow(RemoteError)
    await expect(failed).rejects.toThrow('RangeError: too far')
    expect(String(await rc.getResult(shown))).toBe('<ExecuteReply [1]: 42>')
    expect(await rc.getResult([plain, good])).toEqual([7, new Map([['key', [1, 2n]]])])
    await expect(rc.getResult('nosuch_1')).rejects.toThrow(UsageError)
    await expect(rc.getResult('nosuch_1')).rejects.toThrow('No such message: nosuch_1')
    expect(await rc.resultStatus([plain, bad])).toEqual({
      pending: [],
      completed: [bad, plain].sort(),
      lost: [],
    })

    const since = await rc.dbQuery({ submitted: { $gte: submitted }, queue: 'task' }, [
      'started',
      'resultBuffers',
    ])
    expect(since.map(record => record.msgId)).toEqual([good, plain])
    expect(since[0]!.started).toEqual(started)
    expect(await Promise.all(since.map(record => record.resultBuffers.value()))).toEqual([
      new Map([['key', [1, 2n]]]),
      7,
    ])
    const [whole] = await rc.dbQuery({ msgId: bad })
    expect(whole).toMatchObject({ queue: 'mux', resubmitted: null, resultContent: { ename: 'RangeError' } })
    await expect(rc.dbQuery({ msgId: { $near: 1 } as object })).rejects.toThrow(UsageError)

    const again = rc.resubmit(plain)
    expect(await again).toBe(7)
    expect(again.msgIds).not.toEqual([plain])
    expect(await rc.dbQuery({ resubmitted: again.msgIds[0]! }, ['queue'])).toEqual([
      { msgId: plain, queue: 'task' },
    ])
    await expect(rc.resubmit(['nope'])).rejects.toThrow('No such msg(s)')

    await rc.purgeResults(plain)
    await expect(rc.getResult(plain)).rejects.toThrow(UsageError)
    await rc.purgeResults([], { targets: 0 })
    expect(await rc.hubHistory()).toEqual([])
  })

  it('come when they are there, and not before', async () => {
    await using cluster = await RealCluster.start(1)
    const flag = join(world.ipythonDir, 'go')
    const program = otherClient(
      cluster.connectionFile,
      `const { watch, existsSync } = await import('node:fs')
       const ar = lview.apply(async path => {
         const { existsSync } = await import('node:fs')
         while (!existsSync(path)) await new Promise(resolve => setTimeout(resolve, 10))
         return 'gone on'
       }, ${JSON.stringify(flag)})
       await ar.sent
       console.log(ar.msgIds[0])
       await ar`,
    )
    const [, msgId] = (await program.printed(/^(\S+)\n/)) as unknown as [string, string]
    await using rc = await cluster.connect()
    // The hub hears of the task on another socket than of our question.
    await expect.poll(async () => (await rc.hubHistory()).length).toBe(1)
    const waiting = rc.getResult(msgId)
    expect((await rc.resultStatus(msgId)).pending).toEqual([msgId])
    expect(waiting.ready()).toBe(false)
    await expect(rc.purgeResults(msgId)).rejects.toThrow('msg pending')
    await expect(waiting.get({ timeout: 0.05 })).rejects.toThrow('it goes on')
    writeFileSync(flag, '')
    expect(await waiting).toBe('gone on')
    expect((await program.finished).code).toBe(0)
  })

  it('fail at once when the client that waits for them is closed', async () => {
    await using cluster = await RealCluster.start(1)
    const rc = await cluster.connect()
    const endless = rc.at(0).apply(() => new Promise(() => {}))
    await endless.sent
    await expect.poll(async () => (await rc.hubHistory()).length).toBe(1)
    const waiting = rc.getResult(endless.msgIds)
    await rc.resultStatus(endless.msgIds)
    const failed = expect(waiting).rejects.toMatchObject({ code: 'ERR_DISCONNECTED' })
    await rc.close()
    await failed
  })
})

describe('getResult', () => {
  it('takes places in the own history', async () => {
    await using cluster = await RealCluster.start(1)
    await using other = await cluster.connect()
    await using rc = await cluster.connect()
    await rc.loadBalancedView().apply(() => 1)
    await rc.loadBalancedView().apply(() => 2)
    await other.loadBalancedView().apply(() => 'of another')
    expect(await rc.getResult()).toBe(2)
    expect(await rc.getResult(-2)).toBe(1)
    expect(await rc.getResult([0, 1])).toEqual([1, 2])
    const none = rc.getResult(-3)
    expect(() => none.metadata).toThrow('not known yet')
    await expect(none).rejects.toThrow('the hub remembers 2 of this client')
  })
})

describe('ipcontroller', () => {
  const args = ['--cluster-id=r', '--reuse']
  const connectionFile = () => join(world.ipythonDir, 'profile_default/security/ipcontroller-r-client.json')
  const database = () => join(world.ipythonDir, 'profile_default/db/ipcontroller-r.db')

  async function start(...more: string[]): Promise<Started> {
    const controller = world.start('ipcontroller', [...args, '--log-level=info', ...more])
    await controller.logged(/listening on/)
    return controller
  }

  async function end(program: Started, signal: NodeJS.Signals): Promise<void> {
    process.kill(program.pid, signal)
    await program.finished
  }

  it('answers after kill -9 for what ended before, and tells what was lost', async () => {
    const first = await start()
    expect(statSync(database()).mode & 0o777).toBe(0o600)
    const engine = world.start('ipengine', ['--cluster-id=r'])
    const rc = await Client.connect({ connectionFile: connectionFile() })
    await rc.waitForEngines(1, { timeout: 20 })
    const lview = rc.loadBalancedView()
    const done = lview.with({ chunkSize: 1 }).map(x => x * x, [1, 2, 3])
    await done
    const hangs = lview.apply(() => new Promise(() => {}))
    await hangs.sent
    await expect.poll(async () => (await rc.hubHistory()).length).toBe(4)
    await end(first, 'SIGKILL')
    await rc.close()
    await end(engine, 'SIGKILL')

    const second = await start()
    const engine2 = world.start('ipengine', ['--cluster-id=r'])
    const rc2 = await Client.connect({ connectionFile: connectionFile() })
    await rc2.waitForEngines(1, { timeout: 20 })
    expect(await rc2.hubHistory()).toEqual([...done.msgIds, ...hangs.msgIds])
    expect(await rc2.getResult(done.msgIds)).toEqual([[1], [4], [9]])
    const [msgId] = hangs.msgIds as [string]
    expect(await rc2.resultStatus(msgId)).toEqual({ pending: [], completed: [msgId], lost: [msgId] })
    const lost = rc2.getResult(msgId)
    await expect(lost).rejects.toThrow(EngineError)
    await expect(lost).rejects.toThrow(/the controller ended .* resubmit/)
    const again = rc2.resubmit(done.msgIds.slice(0, 1))
    expect(await again).toEqual([[1]])
    await rc2.close()
    await end(engine2, 'SIGTERM')
    await end(second, 'SIGTERM')
    expect(world.allFiles().filter(file => file.includes('/db/'))).toEqual([
      'profile_default/db/ipcontroller-r.db',
    ])
  })

  it('says that it keeps no records when it was told so, and where they go when it cannot', async () => {
    const none = await start('--records=none')
    const rc = await Client.connect({ connectionFile: connectionFile() })
    await expect(rc.hubHistory()).rejects.toThrow('this controller keeps no records')
    await rc.close()
    expect(existsSync(database())).toBe(false)
    await end(none, 'SIGTERM')

    const first = await start()
    const second = world.start('ipcontroller', [
      '--cluster-id=other',
      '--log-level=info',
      `--records-file=${database()}`,
    ])
    await second.logged(/in memory only.*is in use by another controller/)
    await second.logged(/listening on/)
    await end(second, 'SIGTERM')
    await end(first, 'SIGTERM')
  })
})

describe('the database of records', () => {
  it('is whole after kill -9 in the middle of writing, with all that was answered for', async () => {
    const path = join(world.ipythonDir, 'records.db')
    const writer = world.startProgram(`
      import { openSqlStore } from './dist/controller/records/sql-store.js'
      import { Envelope } from './dist/protocol/envelope.js'
      import { Session } from './dist/protocol/session.js'
      const session = new Session({ key: '', sessionId: 'writer' })
      const buffers = [Buffer.alloc(2000, 'x')]
      const message = options => Envelope.cut([Buffer.from('c'), ...session.pack({ ...options, buffers })])
      const log = { warn: console.error }
      const store = await openSqlStore({ path: ${JSON.stringify(path)}, recordsMax: 1e6, log })
      for (let round = 0; ; round++) {
        for (let i = 0; i < 500; i++) {
          const msgId = 'm_' + round + '_' + i
          const request = message({ type: 'apply_request', msgId })
          store.submitted(msgId, request, 'task')
          store.finished(msgId, request, 'task', 'e', message({ type: 'apply_reply' }), 'now')
        }
        const { content } = await store.ask({ type: 'history' })
        console.log('stored', content.history.length)
      }`)
    await writer.printed(/stored 2000\n/)
    process.kill(writer.pid, 'SIGKILL')
    const { stdout, stderr } = await writer.finished
    expect(stderr).toBe('')
    const stored = Number(/(\d+)\s*$/.exec(stdout)![1])

    const again = world.startProgram(`
      import Database from 'libsql'
      import { openSqlStore } from './dist/controller/records/sql-store.js'
      const store = await openSqlStore({ path: ${JSON.stringify(path)}, log: { warn: console.error } })
      console.log((await store.ask({ type: 'history' })).content.history.length)
      await store.close()
      console.log(new Database(${JSON.stringify(path)}).prepare('PRAGMA integrity_check').get().integrity_check)`)
    const result = await again.finished
    expect(result).toMatchObject({ code: 0, stderr: '' })
    const [found, integrity] = result.stdout.trim().split('\n')
    expect(Number(found)).toBeGreaterThanOrEqual(stored)
    expect(integrity).toBe('ok')
  })
})

describe('ipcluster clean', () => {
  it('removes records only when it is asked to, and never those of a controller that runs', async () => {
    const file = 'profile_default/db/ipcontroller.db'
    const controller = world.start('ipcontroller', ['--log-level=info'])
    await controller.logged(/listening on/)
    expect(JSON.parse((await world.run('ipcluster', ['clean', '--records', '--json'])).stdout)).toEqual({
      removed: [],
    })
    process.kill(controller.pid, 'SIGTERM')
    await controller.finished
    await world.run('ipcluster', ['clean'])
    expect(world.allFiles()).toContain(file)
    const { stdout } = await world.run('ipcluster', ['clean', '--records'])
    expect(stdout).toContain(`removed ${join(world.ipythonDir, file)}`)
    expect(world.allFiles()).toEqual([])
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { DisconnectedError, EngineError } from '../../src/errors.ts'
import { RealCluster } from './client-support.ts'

describe('a client that loses somebody', () => {
  it('Client fails direct requests of a killed engine, and gets every load-balanced result', async () => {
    await using cluster = await RealCluster.start(3)
    const rc = await cluster.connect()
    const pids = await rc.directView().apply(() => process.pid)
    const hanging = rc.at(1).apply(() => new Promise<never>(() => {}))
    const others = rc.slice(0, 1).apply(() => 'fine')
    const work = (x: number) => new Promise<number>(resolve => setTimeout(resolve, 5 + (x % 5), x * 2))
    const view = rc.loadBalancedView([0, 2])
    const results = Array.from({ length: 200 }, (_, i) => view.apply(work, i))
    await results[20]
    const left = new Promise<void>(resolve => {
      rc.on('engine:unregistered', () => {
        if (rc.length === 1) resolve()
      })
    })
    for (const victim of [1, 2]) process.kill(pids[victim]!, 'SIGKILL')
    const error = await hanging.get({ timeout: 10 }).catch(caught => caught)
    expect(error).toBeInstanceOf(EngineError)
    expect(error.message).toMatch(/^engine 1 died while running task/)
    expect(await others).toEqual(['fine'])
    expect(await Promise.all(results)).toEqual(Array.from({ length: 200 }, (_, i) => i * 2))
    await left
    expect(rc.ids).toEqual([0])
    await rc.close()
  })

  it('Client fails everything outstanding with one clear error when the controller is gone', async () => {
    await using cluster = await RealCluster.start(1)
    const rc = await cluster.connect({ reconnectTimeout: 0.5 })
    const result = rc.at(0).apply(() => new Promise<never>(() => {}))
    const closed = once(rc, 'close')
    await cluster.controller.stop()
    const error = await result.get({ timeout: 10 }).catch(caught => caught)
    expect(error).toBeInstanceOf(DisconnectedError)
    expect((await closed)[0]).toBe(error)
    expect(() => rc.loadBalancedView().apply(() => 1)).toThrow(DisconnectedError)
    await rc.close()
  })

  it('Client keeps its process alive until it is closed', async () => {
    await using cluster = await RealCluster.start(0)
    const client = new URL('../../dist/client/client.js', import.meta.url)
    const program = `
      import { Client } from ${JSON.stringify(client.href)}
      const rc = await Client.connect({ connectionFile: ${JSON.stringify(cluster.connectionFile)} })
      console.log('connected')
      process.stdin.once('data', () => rc.close())
      process.stdin.unref()
    `
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    await once(child.stdout, 'data')
    const stays = new WeakMap()
    const pause = new Promise(resolve => setTimeout(resolve, 300, stays))
    expect(await Promise.race([exited, pause])).toBe(stays)
    child.stdin.write('close')
    expect((await exited)[0]).toBe(0)
  })
})

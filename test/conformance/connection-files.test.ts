/** The connection files of a real controller: when they come, what they say, and when they go. */

import { existsSync, readFileSync, statSync, watch } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ClusterWorld } from '../support/cluster-world.ts'

const PORT_KEYS = ['registration', 'control', 'mux', 'task', 'iopub', 'notification', 'hb_ping', 'hb_pong']

let world: ClusterWorld
beforeEach(() => {
  world = new ClusterWorld()
})
afterEach(() => world.close())

const security = (): string => join(world.ipythonDir, 'profile_default', 'security')
const paths = (): string[] => ['engine', 'client'].map(role => join(security(), `ipcontroller-${role}.json`))

/** Resolves at the very moment when both files are there. */
async function filesAppear(): Promise<void> {
  await mkdir(security(), { recursive: true, mode: 0o700 })
  const watcher = watch(security())
  try {
    await new Promise<void>(resolve => {
      const look = (): void => {
        if (paths().every(path => existsSync(path))) resolve()
      }
      watcher.on('change', look)
      look()
    })
  } finally {
    watcher.close()
  }
}

/** All ports that a connection file names. */
function portsOf(file: string): number[] {
  const connection = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number | number[]>
  return [...PORT_KEYS, 'broadcast'].flatMap(key => connection[key] ?? [])
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

describe('ipcontroller', () => {
  it('[1] writes both files, for their owner alone, when every socket listens', async () => {
    const appeared = filesAppear()
    const controller = world.start('ipcontroller', [])
    await appeared
    expect(paths().map(path => (statSync(path).mode & 0o777).toString(8))).toEqual(['600', '600'])
    const ports = paths().flatMap(portsOf)
    expect(ports.length).toBeGreaterThan(12)
    expect(await Promise.all(ports.map(listens))).toEqual(ports.map(() => true))
    controller.child.kill('SIGTERM')
    await controller.finished
  })

  it('[6] removes its files at its end, and with --reuse keeps them, with key and ports', async () => {
    const run = async (...args: string[]): Promise<string[]> => {
      const appeared = filesAppear()
      const controller = world.start('ipcontroller', [...args, '--log-level=info'])
      await appeared
      await controller.logged(/listening on/)
      const written = paths().map(path => readFileSync(path, 'utf8'))
      controller.child.kill('SIGTERM')
      await controller.finished
      return written
    }
    await run()
    expect(paths().filter(path => existsSync(path))).toEqual([])
    const first = await run('--reuse')
    expect(paths().map(path => readFileSync(path, 'utf8'))).toEqual(first)
    expect(await run('--reuse')).toEqual(first)
  })
})

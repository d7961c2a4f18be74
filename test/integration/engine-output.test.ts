import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Reply } from '../fixtures/engine/fake-controller.ts'
import { Pair } from '../fixtures/engine/pair.ts'

describe('output of an engine', () => {
  let pair: Pair

  beforeAll(async () => {
    pair = await Pair.start()
  })
  afterAll(() => pair.close())

  /** Waits until every message that the reply counted is there. */
  const counted = (reply: Reply): Promise<Reply[]> =>
    pair.controller.until('the outputs', () => {
      const seen = pair.controller.outputsOf(reply.parentId)
      return seen.length >= Number(reply.metadata.outputs) && seen
    })

  const text = (outputs: readonly Reply[], name = 'stdout'): string =>
    outputs.map(({ content }) => (content.name === name ? String(content.text) : '')).join('')

  it('is seen while the code that prints it still blocks', async () => {
    const reply = await pair.controller.execute(
      'console.log("early"); const endMs = Date.now() + 500; while (Date.now() < endMs);',
    )
    const early = pair.controller.outputsOf(reply.parentId, 'stream')[0]
    expect(early?.content.text).toBe('early\n')
    expect(reply.atMs - early!.atMs).toBeGreaterThan(300)
  })

  it('is counted exactly, however it is cut into messages', async () => {
    const code = `for (let i = 0; i < 300; i++) {
      process.stdout.write(i + ' ')
      if (i % 7 === 0) console.error(i)
      if (i % 50 === 0) await new Promise(resolve => setTimeout(resolve, i % 100 === 0 ? 3 : 12))
      if (i % 40 === 0) { const endMs = performance.now() + 5; while (performance.now() < endMs); }
    }`
    for (let round = 0; round < 5; round++) {
      const reply = await pair.controller.execute(code)
      const outputs = await counted(reply)
      expect(outputs).toHaveLength(Number(reply.metadata.outputs))
      expect(text(outputs)).toBe(Array.from({ length: 300 }, (_, i) => `${i} `).join(''))
      expect(text(outputs, 'stderr').split('\n')).toHaveLength(44)
    }
    // Nothing comes later than what was counted.
    const last = await pair.controller.execute('console.log("last")')
    await counted(last)
    for (const reply of pair.controller.replies.filter(({ metadata }) => Number(metadata.outputs) > 0))
      expect(pair.controller.outputsOf(reply.parentId)).toHaveLength(Number(reply.metadata.outputs))
  })

  it('belongs to the request that started it, also after its reply', async () => {
    const late = await pair.controller.execute(
      'setTimeout(() => console.log("late"), 30); Promise.resolve().then(() => console.log("soon")); 1',
    )
    const other = await pair.controller.execute(
      'await new Promise(r => setTimeout(r, 60)); console.log("other")',
    )
    const outputs = await pair.controller.until('the late output', () => {
      const seen = pair.controller.outputsOf(late.parentId, 'stream')
      return text(seen).includes('late') && seen
    })
    expect(text(outputs)).toBe('soon\nlate\n')
    expect(text(await counted(other))).toBe('other\n')
  })

  it('keeps characters whole that were written in pieces', async () => {
    const reply = await pair.controller.execute(
      'const bytes = Buffer.from("größe €"); for (const byte of bytes) process.stdout.write(Buffer.of(byte))',
    )
    expect(text(await counted(reply))).toBe('größe €')
  })

  it('of an endless loop takes bounded memory, and is cut off', async () => {
    const memory = async (): Promise<number> => {
      const status = await readFile(`/proc/${pair.engine.child.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
    }
    const beforeMb = await memory()
    let seenMb = 0
    const watch = setInterval(() => {
      void memory().then(mb => {
        seenMb = Math.max(seenMb, mb)
      })
    }, 20)
    const reply = await pair.controller.execute(
      'const line = "x".repeat(9999); for (let i = 0; i < 20000; i++) console.log(line)',
    )
    clearInterval(watch)
    const outputs = await counted(reply)
    expect(text(outputs).length).toBeLessThanOrEqual(64 * 1024 * 1024)
    expect(text(outputs).length).toBeGreaterThan(60 * 1024 * 1024)
    expect(text(outputs, 'stderr')).toMatch(/output cut off: one request may print 64 million characters/)
    expect(seenMb - beforeMb).toBeLessThan(200)
    pair.controller.outputs.length = 0
  })
})

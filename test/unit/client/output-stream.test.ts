import { describe, expect, it } from 'vitest'
import { type EngineOutput, OutputStream } from '../../../src/client/output-stream.ts'

const line = (text: string): EngineOutput => ({
  type: 'stream',
  name: 'stdout',
  text,
  engineId: 0,
  msgId: 'm',
})

describe('OutputStream', () => {
  it('gives what came before, what is there and what comes, and ends', async () => {
    const stream = new OutputStream([line('before')])
    stream.push(line('there'))
    const texts: unknown[] = []
    const reading = (async () => {
      for await (const output of stream) {
        if (output.type === 'stream') texts.push(output.text)
        // One that comes while another is being read.
        if (texts.length === 1) stream.push(line('meanwhile'))
      }
    })()
    await new Promise(resolve => setImmediate(resolve))
    stream.push(line('later'))
    stream.push(line('last'))
    stream.end()
    await reading
    expect(texts).toEqual(['before', 'there', 'meanwhile', 'later', 'last'])
  })

  it('ends at once when nothing came', async () => {
    const stream = new OutputStream([])
    stream.end()
    for await (const output of stream) expect.unreachable(JSON.stringify(output))
  })
})

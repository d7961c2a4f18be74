import { fstatSync, writeSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { OutputFile } from '../../../src/cluster/output-file.ts'

describe('OutputFile', () => {
  it('gives the last lines of what was written', () => {
    const output = new OutputFile()
    expect(output.tail()).toBe('')
    for (let i = 1; i <= 1000; i++) writeSync(output.fd, `line ${i}\n`)
    const lines = output.tail().split('\n')
    expect(lines).toHaveLength(20)
    expect(lines[0]).toBe('line 981')
    expect(lines.at(-1)).toBe('line 1000')
    output.close()
    expect(output.tail()).toBe('')
    output.close()
  })

  it('bounds a line without an end', () => {
    const output = new OutputFile()
    writeSync(output.fd, 'x'.repeat(100_000))
    expect(output.tail().length).toBe(4000)
    output.close()
  })

  it('has no name that anybody could be left with', () => {
    const output = new OutputFile()
    expect(fstatSync(output.fd).nlink).toBe(0)
    expect(fstatSync(output.fd).mode & 0o777).toBe(0o600)
    output.close()
  })
})

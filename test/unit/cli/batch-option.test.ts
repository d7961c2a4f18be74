import { describe, expect, it } from 'vitest'
import { collectBatch } from '../../../src/cli/batch-option.ts'

describe('collectBatch', () => {
  it('gathers settings, as pairs and as JSON', () => {
    const first = collectBatch('queue=debug')
    const second = collectBatch('cpus=2', first)
    expect(collectBatch('{"memory":"2G","prologue":["a"]}', second)).toEqual({
      queue: 'debug',
      cpus: 2,
      memory: '2G',
      prologue: ['a'],
    })
    expect(collectBatch('prologue=["a","b"]')).toEqual({ prologue: ['a', 'b'] })
    expect(collectBatch('array=false')).toEqual({ array: false })
    expect(collectBatch('template={command}=x')).toEqual({ template: '{command}=x' })
  })

  it('refuses what is neither', () => {
    expect(() => collectBatch('queue')).toThrow(/give a setting and its value/)
    expect(() => collectBatch('{"queue')).toThrow(/^--batch=/)
  })
})

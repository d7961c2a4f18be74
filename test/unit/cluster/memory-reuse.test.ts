import { describe, expect, it } from 'vitest'
import { forgetMemoryReuse, reusingMemory } from '../../../src/cluster/memory-reuse.ts'

describe('memory reuse', () => {
  it('is asked of our programs, and hidden from those that they start', () => {
    const env = reusingMemory({ HOME: '/home/ann' })
    expect(env.GLIBC_TUNABLES).toMatch(
      /^glibc\.malloc\.mmap_threshold=\d+:glibc\.malloc\.trim_threshold=\d+$/,
    )
    forgetMemoryReuse(env)
    expect(env).toEqual({ HOME: '/home/ann' })
  })

  it('leaves alone what the user has chosen', () => {
    const chosen = { GLIBC_TUNABLES: 'glibc.malloc.check=3' }
    expect(reusingMemory(chosen)).toEqual(chosen)
    forgetMemoryReuse(chosen)
    expect(chosen).toEqual({ GLIBC_TUNABLES: 'glibc.malloc.check=3' })
  })
})

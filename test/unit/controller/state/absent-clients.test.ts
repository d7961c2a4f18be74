import { describe, expect, it } from 'vitest'
import { AbsentClients } from '../../../../src/controller/state/absent-clients.ts'

describe('AbsentClients', () => {
  it('gives a client that is missed a little time to come back', () => {
    const absent = new AbsentClients()
    absent.joined('a')
    expect(absent.isGone('a', 0)).toBe(false)
    absent.left('a')
    expect(absent.isGone('a', 10_000)).toBe(false)
    expect(absent.isGone('a', 11_499)).toBe(false)
    expect(absent.isGone('a', 11_500)).toBe(true)
    expect(absent.isGone('stranger', 11_500)).toBe(false)
  })

  it('forgets that it missed a client that came back, and whose old connection ends later', () => {
    const absent = new AbsentClients()
    absent.joined('a')
    absent.joined('a')
    absent.left('a')
    expect(absent.isGone('a', 0)).toBe(false)
    expect(absent.isGone('a', 5000)).toBe(false)
    absent.left('a')
    expect(absent.isGone('a', 5000)).toBe(false)
    absent.joined('a')
    absent.left('a')
    expect(absent.isGone('a', 20_000)).toBe(false)
  })
})

import { describe, expect, it } from 'vitest'
import {
  readAbilities,
  readAbout,
  readCause,
  readTexts,
} from '../../../../src/controller/state/hub-requests.ts'

describe('what requests to the hub say', () => {
  it('readAbout takes a language, and of the versions those that are text', () => {
    const versions = { node: '20.20.0', v8: 11 }
    expect(readAbout({ language: 'javascript', versions })).toEqual({
      language: 'javascript',
      versions: { node: '20.20.0' },
    })
    expect(readAbout({ language: 'javascript', versions: null })).toEqual({ language: 'javascript' })
    expect(readAbout({ language: 3, versions })).toEqual({})
  })

  it('readAbilities takes nothing but true for yes', () => {
    expect(readAbilities({ recalls: true, remembers: 'yes' })).toEqual({ recalls: true, remembers: false })
    expect(readAbilities({})).toEqual({ recalls: false, remembers: false })
  })

  it('readCause takes what has its type, and no cause for none', () => {
    const cause = { exit_code: 1, signal: 'SIGKILL', reason: 'x', stderr: 'y', shutdown: 'stop' }
    expect(readCause({ ...cause, more: 1 })).toEqual(cause)
    const wrong = { exit_code: '1', signal: 9, reason: null, stderr: [], shutdown: 'perhaps' }
    expect(readCause(wrong)).toEqual({})
    for (const none of [undefined, null, 'SIGKILL']) expect(readCause(none)).toBeUndefined()
  })

  it('readTexts takes the texts of a list', () => {
    expect(readTexts(['a', 1, null, 'b'])).toEqual(['a', 'b'])
    expect(readTexts('a')).toEqual([])
  })
})

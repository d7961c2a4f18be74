import { describe, expect, it } from 'vitest'
import { controllerHost } from '../../../src/cluster/ssh-settings.ts'

describe('controllerHost', () => {
  it.each([
    [{ controllerHost: 'node0' }, 'node0'],
    [{ controllerHost: 'me@node0' }, 'me@node0'],
    [{ controllerHost: 'me@node0', controllerUser: 'you' }, 'you@node0'],
  ])('of %j', (settings, host) => {
    expect(controllerHost(settings)).toBe(host)
  })
})

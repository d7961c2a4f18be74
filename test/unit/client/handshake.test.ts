import { beforeEach, describe, expect, it } from 'vitest'
import { type Deferred, deferred } from '../../../src/base/deferred.ts'
import { Handshake } from '../../../src/client/handshake.ts'

const OTHERS = ['notification', 'iopub', 'control', 'mux', 'task', 'broadcast']

/** What the handshake does, in order. */
let done: string[]
/** All seven sockets are about to have their connections. */
let connecting: Deferred<void>
let answer: () => Promise<void>
let handshake: Handshake

beforeEach(() => {
  done = []
  connecting = deferred()
  answer = () => Promise.resolve()
  handshake = new Handshake({
    connect: channel => {
      done.push(channel)
      if (channel === 'broadcast') connecting.resolve()
    },
    askForEngines: () => {
      done.push('ask')
      return answer()
    },
    onComplete: () => done.push('complete'),
  })
})

describe('Handshake', () => {
  it('asks for the engines before it connects the rest, and again when both subscriptions are up', async () => {
    const complete = handshake.complete()
    handshake.joined('registration')
    await connecting.promise
    handshake.joined('iopub')
    expect(done).toEqual(['registration', 'ask', ...OTHERS])
    handshake.joined('notification')
    await complete
    expect(done).toEqual(['registration', 'ask', ...OTHERS, 'ask', 'complete'])
  })

  it('rejects with what the controller is given up for', async () => {
    const complete = handshake.complete()
    await connecting.promise
    handshake.giveUp(new Error('gone'))
    await expect(complete).rejects.toThrow('gone')
    expect(done).not.toContain('complete')
  })

  it('connects nothing more where nobody answers the first question', async () => {
    answer = () => Promise.reject(new Error('nobody'))
    await expect(handshake.complete()).rejects.toThrow('nobody')
    expect(done).toEqual(['registration', 'ask'])
  })

  it('is over once it is complete: what comes later does not undo it', async () => {
    const complete = handshake.complete()
    await connecting.promise
    handshake.joined('iopub')
    handshake.joined('notification')
    await complete
    handshake.giveUp(new Error('gone'))
    await expect(complete).resolves.toBeUndefined()
  })
})

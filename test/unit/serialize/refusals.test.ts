import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash, createSecretKey } from 'node:crypto'
import { open } from 'node:fs/promises'
import { createServer, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { SerializationError } from '../../../src/errors.ts'
import { Operation, packCall, packValue } from '../../../src/serialize/payload.ts'

function refusal(pack: () => unknown): SerializationError {
  try {
    pack()
  } catch (error) {
    if (error instanceof SerializationError) return error
    throw error
  }
  throw new Error('it was packed')
}

describe('packCall', () => {
  it('names the path from the function to a socket that it captures', () => {
    const config = { retries: 3, socket: new Socket() }
    const error = refusal(() =>
      packCall(function simulate() {
        return config.socket
      }, []),
    )
    expect(error.path).toEqual(['simulate', 'config', 'socket'])
    expect(error.message).toContain('simulate → config → socket')
    expect(error.message).toContain('on the engine')
  })

  it('names the argument, and the name that is pushed', () => {
    expect(refusal(() => packCall(() => 0, [1, { a: [new WeakSet()] }])).path).toEqual([
      'function',
      'arguments[1]',
      'a',
      '[0]',
    ])
    expect(refusal(() => packCall(new Operation('push'), [{ a: new WeakSet() }])).path).toEqual(['push', 'a'])
  })

  it('names an open file in a module that it uses', async () => {
    await using file = await open(new URL(import.meta.url))
    const files = { log: file }
    expect(refusal(() => packCall(() => files.log.fd, [])).message).toContain('function → files → log cannot')
  })

  it('refuses what is no function', () => {
    expect(refusal(() => packCall('parseInt' as never, [])).message).toContain('must be a function')
  })

  it('packs again after a refusal', () => {
    refusal(() => packCall(() => 0, [new WeakSet()]))
    expect(packCall(() => 0, [1])).toHaveLength(1)
  })
})

describe('packValue', () => {
  class Secret {
    #value = 1
    get(): number {
      return this.#value
    }
  }
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const throwing = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('no')
      },
    },
  )

  const channel = new BroadcastChannel('refusals')
  channel.close()
  const transferred = new ArrayBuffer(8)
  structuredClone(transferred, { transfer: [transferred] })

  it.each<[string, unknown]>([
    ['a server', createServer()],
    ['a stream', new Readable()],
    ['a WeakMap', new WeakMap()],
    ['a WeakRef', new WeakRef({})],
    ['a Promise', Promise.resolve(1)],
    ['an instance with #private members', new Secret()],
    ['a native function', new Intl.Collator().compare],
    ['a proxy of a function', new Proxy(() => 1, {})],
    ['a FinalizationRegistry', new FinalizationRegistry(() => {})],
    ['a web stream', new ReadableStream()],
    ['a message port', new MessageChannel().port1],
    ['a broadcast channel', channel],
    ['a formatter', new Intl.NumberFormat('de')],
    ['a key', createSecretKey(Buffer.from('x'))],
    ['a hash under way', createHash('sha256')],
    ['an asynchronous context', new AsyncLocalStorage()],
    ['a response', new Response('x')],
    ['an iterator of an array', [1].values()],
    ['an iterator of text', 'text'[Symbol.iterator]()],
    ['matches under way', 'text'.matchAll(/t/g)],
    ['memory that was transferred', transferred],
    ['a revoked proxy', revoked.proxy],
    ['a proxy that throws', throwing],
    [
      'an object whose getter throws',
      {
        get boom(): number {
          throw new Error('boom')
        },
      },
    ],
    ['shared memory', new SharedArrayBuffer(8)],
    ['a view of shared memory', new Uint8Array(new SharedArrayBuffer(8))],
    [
      'a generator under way',
      (function* () {
        yield 1
      })(),
    ],
    ['an iterator', new Map().entries()],
    ['a timer', setTimeout(() => {}, 0)],
    ['an abort signal', new AbortController().signal],
  ])('refuses %s', (_what, value) => {
    const error = refusal(() => packValue({ list: [value] }, 'result'))
    expect(error.path.slice(0, 3)).toEqual(['result', 'list', '[0]'])
  })

  it('refuses what is nested deeper than the stack', () => {
    let nested: unknown = 1
    for (let i = 0; i < 200_000; i++) nested = [nested]
    expect(refusal(() => packValue(nested)).message).toContain('nested too deeply')
  })
})

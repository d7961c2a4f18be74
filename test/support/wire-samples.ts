import { readFileSync } from 'node:fs'

type SampleFrame = { readonly s: string } | { readonly x: string }

export interface SampleMessage {
  readonly conversation: string
  readonly side: 'client' | 'engine'
  readonly socket: string
  readonly dir: string
  readonly frames: Buffer[]
}

interface SampleFile {
  readonly key: string
  readonly conversations: Readonly<Record<string, readonly RawMessage[]>>
}

interface RawMessage {
  readonly side: 'client' | 'engine'
  readonly socket: string
  readonly dir: string
  readonly frames: readonly SampleFrame[]
}

const folder = new URL('../fixtures/wire-samples/', import.meta.url)

/** The messages that real peers of this version exchanged, in order, with the key that signed them. */
export function wireSamples(version: '7.1.0' | '9.1.0'): { key: string; messages: SampleMessage[] } {
  const file = JSON.parse(readFileSync(new URL(`messages-${version}.json`, folder), 'utf8')) as SampleFile
  const messages = Object.entries(file.conversations).flatMap(([conversation, list]) =>
    list.map(({ side, socket, dir, frames }) => ({
      conversation,
      side,
      socket,
      dir,
      frames: frames.map(frame => ('s' in frame ? Buffer.from(frame.s) : Buffer.from(frame.x, 'hex'))),
    })),
  )
  return { key: file.key, messages }
}

/** Connection files as real controllers wrote them, by what is particular about each. */
export function connectionFileSamples(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  return JSON.parse(readFileSync(new URL('connection-files.json', folder), 'utf8'))
}

/** Buffers of a request that real Python engines ran, with what they answered. */
export interface PickleRequest {
  readonly name: string
  readonly request: Buffer[]
  readonly status: string
  readonly reply: Buffer[]
}

/** Requests as a client that is not Python may write them. */
export function pickleRequests(): PickleRequest[] {
  const list = readSample('pickle-requests.json') as {
    readonly name: string
    readonly request: readonly string[]
    readonly status: string
    readonly reply_7_1_0: readonly string[]
  }[]
  return list.map(({ name, request, status, reply_7_1_0 }) => {
    return { name, status, request: request.map(fromHex), reply: reply_7_1_0.map(fromHex) }
  })
}

/** Results that real engines sent, by the expression that they are the value of. */
export function pickleResults(): {
  readonly expr: string
  readonly variant: string
  readonly buffers: Buffer[]
}[] {
  type Sent = { readonly buffers?: readonly string[] }
  const file = readSample('pickle-results.json') as {
    readonly results: readonly ({ readonly expr: string } & Readonly<Record<string, Sent>>)[]
    readonly protocol5: readonly { readonly expr: string; readonly buffers: readonly string[] }[]
  }
  const stacks = file.results.flatMap(result =>
    ['numpy1_py311', 'numpy2_py311'].flatMap(variant => {
      const buffers = result[variant]?.buffers
      return buffers === undefined ? [] : [{ expr: result.expr, variant, buffers: buffers.map(fromHex) }]
    }),
  )
  const newest = file.protocol5.map(({ expr, buffers }) => {
    return { expr, variant: 'protocol5', buffers: buffers.map(fromHex) }
  })
  return [...stacks, ...newest]
}

/** Functions of ipyparallel's as its client sends them, by module and name. */
export function cannedFunctions(): [title: string, pickle: Buffer][] {
  const file = readSample('canned-functions.json') as Readonly<Record<string, string>>
  return Object.entries(file).map(([title, hex]) => [title, fromHex(hex)])
}

function readSample(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
}

function fromHex(hex: string): Buffer {
  return Buffer.from(hex, 'hex')
}

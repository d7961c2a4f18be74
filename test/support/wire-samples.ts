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

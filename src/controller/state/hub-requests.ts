/** What requests to the hub say. Anybody may send them, and what is of a wrong type is left out. */

import type { AboutEngine, DeathCause } from '../../protocol/catalogue.ts'
import type { EngineAbilities } from './hub-events.ts'
import type { Fields } from './query.ts'

/** What an engine tells about itself. */
export function readAbout({ language, versions }: Fields): AboutEngine {
  if (typeof language !== 'string') return {}
  const entries = typeof versions === 'object' && versions !== null ? Object.entries(versions) : []
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return { language, ...(texts.length > 0 && { versions: Object.fromEntries(texts) }) }
}

/** What it says that it can do. */
export function readAbilities({ recalls, remembers }: Fields): EngineAbilities {
  return { recalls: recalls === true, remembers: remembers === true }
}

/** What a launcher says of an engine's end. */
export function readCause(cause: unknown): DeathCause | undefined {
  if (typeof cause !== 'object' || cause === null) return undefined
  const { exit_code, signal, reason, stderr, shutdown } = cause as Fields
  return {
    ...(typeof exit_code === 'number' ? { exit_code } : {}),
    ...(typeof signal === 'string' ? { signal } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof stderr === 'string' ? { stderr } : {}),
    ...(shutdown === 'restart' || shutdown === 'stop' ? { shutdown } : {}),
  }
}

/** What of a list is text. */
export function readTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
}

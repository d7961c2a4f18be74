import { readFileSync } from 'node:fs'

let known: string | undefined

/** Version of this package. */
export function version(): string {
  if (known === undefined) {
    const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    known = (JSON.parse(file) as { version: string }).version
  }
  return known
}

import { isLanguage, type Targets } from './targets.ts'

/** Ids as a person writes them: `engine 3`, `engines 0–3, 7`; runs of three and more are drawn together. */
export function describeEngines(ids: readonly number[]): string {
  if (ids.length === 0) return 'no engine'
  const runs: [first: number, last: number][] = []
  for (const id of ids) {
    const run = runs.at(-1)
    if (run !== undefined && id === run[1] + 1) run[1] = id
    else runs.push([id, id])
  }
  const texts = runs.map(([first, last]) =>
    first === last ? `${first}` : last === first + 1 ? `${first}, ${last}` : `${first}–${last}`,
  )
  return `${ids.length === 1 ? 'engine' : 'engines'} ${texts.join(', ')}`
}

/** `<DirectView of all: engines 0–3>`: what a view means now. */
export function describeView(name: string, targets: Targets | undefined, ids: readonly number[]): string {
  const live =
    targets === undefined || targets === 'all' ? 'all: ' : isLanguage(targets) ? `${targets.language}: ` : ''
  return `<${name} of ${live}${describeEngines(ids)}>`
}

import * as v from 'valibot'
import { nearest } from './nearest.ts'
import { type ConfiguredProgram, SETTINGS } from './settings.ts'

/** Why a value cannot be used for a setting, as the end of a sentence. Undefined when it can be. */
export function settingProblem(program: ConfiguredProgram, key: string, value: unknown): string | undefined {
  const settings = SETTINGS[program]
  if (!Object.hasOwn(settings, key))
    return `is no setting of ${program}${propose(key, Object.keys(settings))}`
  const { schema } = settings[key]!
  const result = v.safeParse(schema, value)
  if (result.success) return undefined
  const issue = result.issues[0]
  const inner = issue.path?.map(step => String(step.key)) ?? []
  if (issue.expected === 'never') {
    const known = 'entries' in schema ? Object.keys(schema.entries as object) : []
    return `has no ${inner.join('.')}${propose(inner.at(-1) ?? '', known)}`
  }
  const said = issue.message.startsWith('must')
    ? issue.message
    : `must be ${issue.expected ?? 'something else'}`
  const where = inner.length === 0 ? '' : `is wrong at ${inner.join('.')}: it `
  return `${where}${said}, and is ${describeValue(inner.length === 0 ? value : issue.input)}`
}

function propose(wrong: string, known: readonly string[]): string {
  const [near] = nearest(wrong, known)
  return near === undefined ? `; known are ${known.join(', ')}` : `; did you mean ${near}?`
}

/** A value as it might stand in a file. */
export function describeValue(value: unknown): string {
  if (typeof value === 'function' || value === undefined) return typeof value
  return JSON.stringify(value)
}

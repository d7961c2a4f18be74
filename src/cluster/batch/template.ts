import { nearest } from '../../config/nearest.ts'
import { ConfigurationError } from '../../errors.ts'

/** What a template may name; undefined for what is not set. */
export type TemplateFields = Readonly<Record<string, string | number | undefined>>

/** `{{`, `}}`, `{name}`, or `{name//4}`; a brace of the shell's `${…}` is none of ours. */
const FIELD = /\{\{|\}\}|(?<!\$)\{(\w+)(?: *\/\/ *(\d+))?\}/g

/**
 * Fills in a template: `{name}` is the field's value and `{name//4}` the whole part of a quarter of it, as in IPython's
 * templates. `{{` and `}}` are single braces; other braces, and the shell's `${name}`, stay as they are.
 *
 * @param where - what the template is called in errors.
 * @throws ConfigurationError with line and nearest name for a field that is not there, or has no value.
 */
export function fillTemplate(template: string, fields: TemplateFields, where: string): string {
  return template.replace(
    FIELD,
    (found: string, name: string | undefined, divisor: string | undefined, at: number) => {
      if (name === undefined) return found.slice(1)
      const line = template.slice(0, at).split('\n').length
      const problem = (what: string): ConfigurationError =>
        new ConfigurationError(`${where}:${line}: ${what}`)
      if (!Object.hasOwn(fields, name)) {
        const [near] = nearest(name, Object.keys(fields))
        const hint =
          near === undefined ? `the fields are ${Object.keys(fields).join(', ')}` : `did you mean {${near}}?`
        throw problem(
          `there is no field {${name}}; ${hint} (Braces that are no field are written {{ and }}.)`,
        )
      }
      const value = fields[name]
      if (value === undefined) throw problem(`{${name}} has no value: set batch.${name}`)
      if (divisor === undefined) return String(value)
      if (typeof value !== 'number' || Number(divisor) === 0) throw problem(`${found} is no number`)
      return String(Math.floor(value / Number(divisor)))
    },
  )
}

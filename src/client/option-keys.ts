import { UsageError } from '../errors.ts'

/**
 * Refuses what is no option: a misspelt one would change nothing and say nothing.
 *
 * @throws UsageError naming the option, and those that there are.
 */
export function checkOptionKeys(what: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options))
    if (!known.includes(key))
      throw new UsageError(`a ${what} has no option '${key}'; its options are ${known.join(', ')}`)
}

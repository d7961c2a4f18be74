import { UsageError } from '../errors.ts'

const PORT_MAX = 65_535

/**
 * Ports as people write them: `10101-10120`, `10101,10103`, or both mixed.
 *
 * @throws UsageError when it cannot be read so.
 */
export function parsePorts(text: string): number[] {
  const ports = text.split(',').flatMap(part => {
    const match = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*$/.exec(part)
    const first = Number(match?.[1])
    const last = match?.[2] === undefined ? first : Number(match[2])
    if (!(first >= 1 && first <= last && last <= PORT_MAX)) {
      throw new UsageError(
        `--ports=${text}: give ports such as 10101-10120 or 10101,10103 (1 to ${PORT_MAX})`,
      )
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
  return [...new Set(ports)]
}

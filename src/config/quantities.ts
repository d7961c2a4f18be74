/** Times and sizes as people write them for batch systems. */

/** Seconds of a time: a number of them, or `[days-]hours:minutes:seconds`. Undefined when it is no time. */
export function walltimeSeconds(walltime: number | string): number | undefined {
  const match = /^(?:(\d+)-)?(\d+):(\d\d):(\d\d)$/.exec(String(walltime))
  const seconds =
    match === null
      ? Number(walltime)
      : Number(match[1] ?? 0) * 86_400 + Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4])
  return Number.isInteger(seconds) && seconds > 0 ? seconds : undefined
}

const UNITS: Readonly<Record<string, number>> = { K: 1 / 1024, M: 1, G: 1024, T: 1024 * 1024 }

/** MiB of a size: a number and a unit. Undefined when it is no size. */
export function memoryMib(memory: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([KMGT])(?:i?B)?$/i.exec(memory)
  return match === null ? undefined : Math.ceil(Number(match[1]) * UNITS[match[2]!.toUpperCase()]!)
}

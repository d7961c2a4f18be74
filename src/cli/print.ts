import process from 'node:process'

let isWatched = false

/** Writes one line to stdout. Whoever reads it may stop to (`| head`): that is no error. */
export function print(line: string): void {
  if (!isWatched) {
    isWatched = true
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
  process.stdout.write(`${line}\n`)
}

/** Writes a value as JSON to stdout. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2))
}

/** Columns that line up, with a head. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map(row => (row[column] ?? '').length)))
  for (const row of all) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0))
    print(cells.join('  ').trimEnd())
  }
}

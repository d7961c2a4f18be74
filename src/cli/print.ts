import process from 'node:process'

/** Writes one line to stdout. */
export function print(line: string): void {
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
  for (const row of all)
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
}

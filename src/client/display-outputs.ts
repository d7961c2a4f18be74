import type { RequestMetadata } from './request-metadata.ts'

/** How and where outputs are shown. */
export interface DisplayOptions {
  /** Together by what they are (default: all of stdout, then stderr, then what was displayed), or by engine. */
  readonly groupBy?: 'type' | 'engine'
  /** Default: this process's. */
  readonly stdout?: NodeJS.WritableStream
  readonly stderr?: NodeJS.WritableStream
}

type Show = (metadata: RequestMetadata) => void

/** Writes what engines printed and displayed, each part under its engine: `[stdout:0] hello`. */
export function displayOutputs(all: readonly RequestMetadata[], options: DisplayOptions): void {
  const { groupBy = 'type', stdout = process.stdout, stderr = process.stderr } = options
  const kinds: Show[] = [
    metadata => write(stdout, 'stdout', metadata, metadata.stdout),
    metadata => write(stderr, 'stderr', metadata, metadata.stderr),
    metadata => {
      for (const output of metadata.outputs) {
        if (output.type !== 'execute_result' && output.type !== 'display_data') continue
        write(
          stdout,
          'output',
          metadata,
          String(output.data['text/plain'] ?? Object.keys(output.data).join(', ')),
        )
      }
    },
  ]
  if (groupBy === 'engine') for (const metadata of all) for (const show of kinds) show(metadata)
  else for (const show of kinds) for (const metadata of all) show(metadata)
}

/** One line behind its label, several below it. */
function write(stream: NodeJS.WritableStream, kind: string, metadata: RequestMetadata, text: string): void {
  if (text === '') return
  const body = text.endsWith('\n') ? text : `${text}\n`
  const isOneLine = body.indexOf('\n') === body.length - 1
  stream.write(`[${kind}:${metadata.engineId ?? '?'}]${isOneLine ? ' ' : '\n'}${body}`)
}

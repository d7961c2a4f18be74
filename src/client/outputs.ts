import type { MimeBundle } from '../protocol/catalogue.ts'

/** Something that an engine sent while it ran a request: a piece of text, or something to show. */
export type Output =
  | { readonly type: 'stream'; readonly name: 'stdout' | 'stderr'; readonly text: string }
  | { readonly type: 'execute_input'; readonly code: string; readonly executionCount: number }
  | { readonly type: 'execute_result'; readonly data: MimeBundle; readonly executionCount: number }
  | { readonly type: 'display_data'; readonly data: MimeBundle }
  | {
      readonly type: 'error'
      readonly ename: string
      readonly evalue: string
      readonly traceback: readonly string[]
    }
  /** A message whose type has no meaning for a client; it only counts. */
  | { readonly type: 'other' }

type Content = Readonly<Record<string, unknown>>

/** Reads the content of an output message; what a stranger left out becomes empty. */
export function readOutput(messageType: string, content: Content): Output {
  switch (messageType) {
    case 'stream':
      return {
        type: 'stream',
        name: content.name === 'stderr' ? 'stderr' : 'stdout',
        text: text(content.text),
      }
    case 'execute_input':
      return { type: 'execute_input', code: text(content.code), executionCount: count(content) }
    case 'execute_result':
      return { type: 'execute_result', data: bundle(content.data), executionCount: count(content) }
    case 'display_data':
    case 'update_display_data':
      return { type: 'display_data', data: bundle(content.data) }
    case 'error':
      return {
        type: 'error',
        ename: text(content.ename),
        evalue: text(content.evalue),
        traceback: Array.isArray(content.traceback) ? content.traceback.map(text) : [],
      }
    default:
      return { type: 'other' }
  }
}

/** The text of one stream, in the order in which it was written. */
export function streamText(outputs: readonly Output[] | undefined, name: 'stdout' | 'stderr'): string {
  let joined = ''
  for (const output of outputs ?? [])
    if (output.type === 'stream' && output.name === name) joined += output.text
  return joined
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function count(content: Content): number {
  return typeof content.execution_count === 'number' ? content.execution_count : 0
}

function bundle(value: unknown): MimeBundle {
  return typeof value === 'object' && value !== null ? (value as MimeBundle) : {}
}

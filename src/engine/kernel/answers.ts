import { RemoteProtocolError } from '../../errors.ts'
import type { MessageType } from '../../protocol/catalogue.ts'
import type { Json } from '../../protocol/envelope.ts'
import { kernelInfo } from '../kernel-info.ts'
import type { Namespace } from '../namespace.ts'
import { completenessOf } from './completeness.ts'
import type { History } from './history.ts'
import { Introspection } from './introspection.ts'

export interface Answer {
  readonly type: MessageType
  readonly content: object
}

/** Answers what Jupyter programs ask beside running code. */
export class Answers {
  readonly #introspection: Introspection
  readonly #history: History

  constructor(namespace: Namespace, history: History) {
    this.#introspection = new Introspection(namespace)
    this.#history = history
  }

  /**
   * @returns undefined for a request of another kind.
   * @throws RemoteProtocolError when it makes no sense.
   */
  to(type: string, content: Json): Answer | undefined {
    switch (type) {
      case 'kernel_info_request':
        return { type: 'kernel_info_reply', content: kernelInfo() }
      case 'complete_request':
        return { type: 'complete_reply', content: this.#complete(content) }
      case 'inspect_request':
        return { type: 'inspect_reply', content: this.#inspect(content) }
      case 'is_complete_request':
        return { type: 'is_complete_reply', content: completenessOf(readCode(content)) }
      case 'history_request':
        return { type: 'history_reply', content: { status: 'ok', history: this.#history.answer(content) } }
      case 'comm_info_request':
        return { type: 'comm_info_reply', content: { status: 'ok', comms: {} } }
      default:
        return undefined
    }
  }

  #complete(content: Json): object {
    const code = readCode(content)
    const { matches, start, end } = this.#introspection.complete(code, cursorOf(code, content))
    return {
      status: 'ok',
      matches,
      cursor_start: codePoints(code.slice(0, start)),
      cursor_end: codePoints(code.slice(0, end)),
      metadata: {},
    }
  }

  #inspect(content: Json): object {
    const code = readCode(content)
    const text = this.#introspection.describe(code, cursorOf(code, content))
    const data = text === undefined ? {} : { 'text/plain': text }
    return { status: 'ok', found: text !== undefined, data, metadata: {} }
  }
}

function readCode({ code }: Json): string {
  if (typeof code !== 'string') throw new RemoteProtocolError('the request lacks code')
  return code
}

/** Jupyter counts code points, JavaScript units of UTF-16. */
function cursorOf(code: string, { cursor_pos: cursor }: Json): number {
  if (typeof cursor !== 'number') return code.length
  let units = 0
  let points = 0
  for (const character of code) {
    if (points >= cursor) break
    units += character.length
    points += 1
  }
  return units
}

function codePoints(text: string): number {
  let points = 0
  for (const _ of text) points += 1
  return points
}

import os from 'node:os'
import process from 'node:process'
import { RemoteProtocolError } from '../errors.ts'
import type { ErrorContent, MessageType } from '../protocol/catalogue.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { kernelInfo } from './kernel-info.ts'

/** What control requests make the engine do. */
export interface ControlActions {
  /** @param interrupt - what runs already, of these, is ended too. */
  abort(msgIds: readonly string[], interrupt: boolean): void
  /** @returns those of the tasks, named by their signatures, that were not begun and now never will be. */
  giveBack(signatures: readonly string[]): readonly string[]
  clear(reply: (error: string | undefined) => void): void
  interrupt(): void
  shutdown(restart: boolean): void
}

export type ControlReply = (type: MessageType, content: object) => void

/**
 * Carries out one control request, whatever the main thread does meanwhile.
 *
 * @throws RemoteProtocolError when it makes no sense; such requests get no reply.
 */
export function handleControl(request: Envelope, actions: ControlActions, reply: ControlReply): void {
  const { content } = request
  switch (request.header.msg_type) {
    case 'abort_request':
      actions.abort(readIds(content.msg_ids, 'msg_ids'), content.interrupt === true)
      reply('abort_reply', { status: 'ok' })
      return
    case 'recall_request':
      reply('recall_reply', {
        status: 'ok',
        given_back: actions.giveBack(readIds(content.signatures, 'signatures')),
      })
      return
    case 'clear_request':
      actions.clear(error =>
        reply('clear_reply', error === undefined ? { status: 'ok' } : failure('Error', error)),
      )
      return
    case 'shutdown_request':
      if (typeof content.restart !== 'boolean')
        throw new RemoteProtocolError('shutdown_request lacks restart')
      actions.shutdown(content.restart)
      return
    case 'signal_request':
      // Its reply is called that in every version of the original.
      reply('_request', signal(content.sig, actions))
      return
    case 'interrupt_request':
      actions.interrupt()
      reply('interrupt_reply', { status: 'ok' })
      return
    case 'kernel_info_request':
      reply('kernel_info_reply', kernelInfo())
      return
    default:
      throw new RemoteProtocolError(`unknown control request ${request.header.msg_type}`)
  }
}

function readIds(value: unknown, name: string): readonly string[] {
  if (!Array.isArray(value) || !value.every(id => typeof id === 'string'))
    throw new RemoteProtocolError(`${name} must be a list of texts`)
  return value
}

function signal(asked: unknown, actions: ControlActions): object {
  const name = signalName(asked)
  if (name === undefined)
    return failure(
      'UsageError',
      `there is no signal ${JSON.stringify(asked)}: use a name such as "SIGINT", or a number`,
    )
  if (name === 'SIGINT') actions.interrupt()
  else process.kill(process.pid, name)
  return { status: 'ok' }
}

function signalName(asked: unknown): NodeJS.Signals | undefined {
  const found = Object.entries(os.constants.signals).find(
    ([name, number]) => name === asked || number === asked,
  )
  return found?.[0] as NodeJS.Signals | undefined
}

function failure(ename: string, evalue: string): ErrorContent {
  return { status: 'error', ename, evalue, traceback: [], engine_info: {} }
}

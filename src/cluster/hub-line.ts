import { deferred } from '../base/deferred.ts'
import { ConnectionError, LauncherError } from '../errors.ts'
import type { ControlRequests, HubRequests } from '../protocol/catalogue.ts'
import { type ClientConnection, resolveInterface } from '../protocol/connection-file.ts'
import { Session } from '../protocol/session.ts'
import type { Frame, Message } from '../transport/socket.ts'
import { tcpTransport } from '../transport/tcp.ts'

const NOTICE_MS = 2000

/** Where a hub is: both connection files say so. */
export type HubAddress = Pick<ClientConnection, 'interface' | 'location' | 'registration' | 'key'>

/**
 * Sends the hub one request and gives the content of its reply: all that a command or a launcher needs of a controller,
 * without the weight of a client.
 *
 * @param signal - gives up waiting, with its reason.
 * @throws ConnectionError when no reply comes in time; LauncherError when the hub refuses.
 */
export async function askHub<Type extends keyof HubRequests>(
  connection: HubAddress,
  type: Type,
  content: HubRequests[Type],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const url = `${await resolveInterface(connection)}:${connection.registration}`
  const session = new Session({ key: connection.key })
  const reply = deferred<Readonly<Record<string, unknown>>>()
  const msgId = session.nextMessageId()
  const onMessage = (frames: Frame[]): void => {
    const message = session.open(frames)
    if (typeof message === 'string' || message.parentHeader.msg_id !== msgId) return
    reply.resolve(message.content)
  }
  const socket = tcpTransport.socket('DEALER', { onMessage })
  const timer = setTimeout(() => {
    reply.reject(
      new ConnectionError(
        `the controller at ${url} did not answer within ${timeoutMs / 1000} s: is it still running? \`ipcluster list\` shows what is.`,
      ),
    )
  }, timeoutMs)
  const giveUp = (): void => reply.reject(signal?.reason)
  signal?.addEventListener('abort', giveUp, { once: true })
  try {
    signal?.throwIfAborted()
    socket.connect(url)
    socket.send(session.pack({ type, content, msgId }))
    const answer = await reply.promise
    if (answer.status === 'ok') return answer
    throw new LauncherError(`the hub refused ${type}: ${String(answer.ename)}: ${String(answer.evalue)}`)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', giveUp)
    await socket.close(0)
  }
}

/**
 * Tells the hub that an engine is gone, and how it ended: it would otherwise find out by itself, later, and never why.
 * Resolves when the notice has left; a hub that is gone too is no error.
 */
export async function reportEngineDeath(
  connection: ClientConnection,
  death: HubRequests['unregistration_request'],
): Promise<void> {
  const session = new Session({ key: connection.key })
  const notice = session.pack({ type: 'unregistration_request', content: death })
  await sendOnce(connection, 'registration', [notice])
}

/**
 * Sends engines a control request, over the controller, whatever they do meanwhile. Resolves when it has left; what they
 * answer is not waited for.
 */
export async function controlEngines<Type extends keyof ControlRequests>(
  connection: ClientConnection,
  uuids: readonly string[],
  type: Type,
  content: ControlRequests[Type],
): Promise<void> {
  const session = new Session({ key: connection.key })
  const messages = uuids.map(uuid => [Buffer.from(uuid), ...session.pack({ type, content })])
  await sendOnce(connection, 'control', messages)
}

async function sendOnce(
  connection: ClientConnection,
  port: 'registration' | 'control',
  messages: readonly Message[],
): Promise<void> {
  const address = await resolveInterface(connection)
  const joined = deferred<void>()
  const socket = tcpTransport.socket('DEALER', {
    onPeer: event => {
      if (event.type === 'peer_joined') joined.resolve()
    },
  })
  const timer = setTimeout(() => joined.resolve(), NOTICE_MS)
  try {
    socket.connect(`${address}:${connection[port]}`)
    await joined.promise
    for (const message of messages) socket.send(message)
  } finally {
    clearTimeout(timer)
    await socket.close()
  }
}

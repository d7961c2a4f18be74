import { deferred } from '../base/deferred.ts'
import type { HubRequests } from '../protocol/catalogue.ts'
import { type ClientConnection, resolveInterface } from '../protocol/connection-file.ts'
import { Session } from '../protocol/session.ts'
import { tcpTransport } from '../transport/tcp.ts'

const CONNECT_MS = 2000

/**
 * Tells the hub that an engine is gone, and how it ended: it would otherwise find out by itself, later, and never why.
 * Resolves when the notice has left; a hub that is gone too is no error.
 */
export async function reportEngineDeath(
  connection: ClientConnection,
  death: HubRequests['unregistration_request'],
): Promise<void> {
  const address = await resolveInterface(connection)
  const joined = deferred<void>()
  const socket = tcpTransport.socket('DEALER', {
    onPeer: event => {
      if (event.type === 'peer_joined') joined.resolve()
    },
  })
  const timer = setTimeout(() => joined.resolve(), CONNECT_MS)
  try {
    socket.connect(`${address}:${connection.registration}`)
    await joined.promise
    const session = new Session({ key: connection.key })
    socket.send(session.pack({ type: 'unregistration_request', content: death }))
  } finally {
    clearTimeout(timer)
    await socket.close()
  }
}

import { type ClientConnection, resolveInterface } from '../protocol/connection-file.ts'
import { Session } from '../protocol/session.ts'
import { tcpTransport } from '../transport/tcp.ts'

/** What an engine says when a client has asked it to end. */
export interface Goodbye {
  /** The client wants another in its place. */
  readonly restart: boolean
}

/** Resolves when the engine of this number says on its output channel that it shuts down. */
export async function hearGoodbye(connection: ClientConnection, engineId: number): Promise<Goodbye> {
  const session = new Session({ key: connection.key })
  const address = await resolveInterface(connection)
  return new Promise(resolve => {
    const socket = tcpTransport.socket('SUB', {
      onMessage: frames => {
        const message = session.open(frames)
        if (typeof message === 'string') return
        resolve({ restart: message.content.restart === true })
        void socket.close(0)
      },
    })
    socket.subscribe(`engine.${engineId}.shutdown`)
    socket.connect(`${address}:${connection.iopub}`)
  })
}

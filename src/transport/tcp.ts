import { PatternSocket } from './pattern-socket.ts'
import type { Socket, SocketOptions, SocketType, Transport } from './socket.ts'
import { TcpCarrier } from './tcp-carrier.ts'

/** ZMTP 3.1 with the NULL mechanism over TCP; it talks to libzmq's sockets, and to 3.0 peers. */
export const tcpTransport: Transport = {
  socket(type: SocketType, options: SocketOptions = {}): Socket {
    return new PatternSocket(type, options, host => new TcpCarrier(type, options, host))
  },
}

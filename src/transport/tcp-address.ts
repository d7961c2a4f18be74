import { UsageError } from '../errors.ts'

export interface TcpAddress {
  readonly host: string
  readonly port: number
}

const TCP_URL = /^tcp:\/\/(?:\[([^\]]+)\]|([^:/[\]]+)):(\d{1,5})$/

/**
 * Cuts `tcp://host:port`; the host `*` means every interface.
 *
 * @throws UsageError where it is no such address
 */
export function parseTcpUrl(url: string): TcpAddress {
  const match = TCP_URL.exec(url)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw new UsageError(
      `"${url}" is no address to bind or connect to: it should look like tcp://127.0.0.1:5555`,
    )
  }
  const host = (match[1] ?? match[2])!
  return { host: host === '*' ? '0.0.0.0' : host, port }
}

export function tcpUrl(host: string, port: number): string {
  return host.includes(':') ? `tcp://[${host}]:${port}` : `tcp://${host}:${port}`
}

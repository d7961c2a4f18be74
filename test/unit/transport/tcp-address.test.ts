import { expect, it } from 'vitest'
import { UsageError } from '../../../src/errors.ts'
import { parseTcpUrl, tcpUrl } from '../../../src/transport/tcp-address.ts'

it('parseTcpUrl takes names, addresses of both kinds, and the star', () => {
  expect(parseTcpUrl('tcp://127.0.0.1:80')).toEqual({ host: '127.0.0.1', port: 80 })
  expect(parseTcpUrl('tcp://node-1.cluster:0')).toEqual({ host: 'node-1.cluster', port: 0 })
  expect(parseTcpUrl('tcp://[::1]:65535')).toEqual({ host: '::1', port: 65_535 })
  expect(parseTcpUrl('tcp://*:5')).toEqual({ host: '0.0.0.0', port: 5 })
})

it.each([
  '',
  'tcp://',
  'tcp://x',
  'tcp://x:',
  'tcp://x:65536',
  'udp://x:1',
  'tcp://::1:5',
  'tcp://a/b:1',
  'tcp://x:1/',
])('parseTcpUrl refuses "%s"', url => {
  expect(() => parseTcpUrl(url)).toThrow(UsageError)
})

it('tcpUrl brackets what has colons', () => {
  expect(tcpUrl('127.0.0.1', 1)).toBe('tcp://127.0.0.1:1')
  expect(tcpUrl('::1', 1)).toBe('tcp://[::1]:1')
})

/**
 * Commands: frames between the peers' machines that no application sees. A body is one byte of name length, the name,
 * and what the command says. Follows RFC 37.
 */
import type { Frame } from '../socket.ts'
import { FLAG_COMMAND, FLAG_LONG } from './frame-decoder.ts'

export interface Command {
  readonly name: string
  readonly data: Buffer
}

export interface ReadyProperties {
  readonly socketType: string | undefined
  readonly identity: Buffer
}

const PING_TTL_BYTES = 2
const PING_CONTEXT_BYTES_MAX = 16
const EMPTY = Buffer.alloc(0)

/** Cuts a command's body into name and data; undefined where it has none. */
export function parseCommand(body: Frame): Command | undefined {
  const nameBytes = body[0]
  if (nameBytes === undefined || nameBytes === 0 || nameBytes >= body.length) return undefined
  return { name: body.toString('latin1', 1, 1 + nameBytes), data: body.subarray(1 + nameBytes) }
}

/** Properties of a READY that we use; names are compared without case. Undefined where it is malformed. */
export function parseReady(data: Buffer): ReadyProperties | undefined {
  let socketType: string | undefined
  let identity = EMPTY
  let at = 0
  while (at < data.length) {
    const nameEnd = at + 1 + data[at]!
    const valueAt = nameEnd + 4
    if (nameEnd === at + 1 || valueAt > data.length) return undefined
    const valueEnd = valueAt + data.readUInt32BE(nameEnd)
    if (valueEnd > data.length) return undefined
    const name = data.toString('latin1', at + 1, nameEnd).toLowerCase()
    if (name === 'socket-type') socketType = data.toString('latin1', valueAt, valueEnd)
    else if (name === 'identity') identity = Buffer.from(data.subarray(valueAt, valueEnd))
    at = valueEnd
  }
  return { socketType, identity }
}

export function readyFrame(socketType: string, identity: Buffer | undefined): Buffer {
  const properties = [property('Socket-Type', Buffer.from(socketType))]
  if (identity !== undefined) properties.push(property('Identity', identity))
  return commandFrame('READY', Buffer.concat(properties))
}

/** @param ttlMs how long the peer may hear nothing of us before it may think us gone */
export function pingFrame(ttlMs: number): Buffer {
  const data = Buffer.alloc(PING_TTL_BYTES)
  data.writeUInt16BE(Math.min(0xffff, Math.ceil(ttlMs / 100)))
  return commandFrame('PING', data)
}

/** The answer to a PING; undefined where the PING is malformed. */
export function pongFrame(ping: Buffer): Buffer | undefined {
  const context = ping.subarray(PING_TTL_BYTES)
  if (ping.length < PING_TTL_BYTES || context.length > PING_CONTEXT_BYTES_MAX) return undefined
  return commandFrame('PONG', context)
}

/** A subscription as the peer wants it: a command for ZMTP 3.1, a message for 3.0. */
export function subscriptionFrame(subscribe: boolean, topic: Buffer, minor: 0 | 1): Buffer {
  if (minor === 0) return frame(0, Buffer.concat([Buffer.from([subscribe ? 1 : 0]), topic]))
  return commandFrame(subscribe ? 'SUBSCRIBE' : 'CANCEL', topic)
}

function property(name: string, value: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(value.length)
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), length, value])
}

function commandFrame(name: string, data: Buffer): Buffer {
  return frame(FLAG_COMMAND, Buffer.concat([Buffer.from([name.length]), Buffer.from(name), data]))
}

function frame(flags: number, body: Buffer): Buffer {
  if (body.length <= 255) return Buffer.concat([Buffer.from([flags, body.length]), body])
  const header = Buffer.alloc(9)
  header[0] = flags | FLAG_LONG
  header.writeUInt32BE(body.length, 5)
  return Buffer.concat([header, body])
}

/**
 * What the main thread (which runs user code) and the io thread (which keeps the engine reachable meanwhile) say to
 * one another.
 */

import type { MessagePort } from 'node:worker_threads'
import type { LogFields } from '../base/log.ts'
import type { MessageType } from '../protocol/catalogue.ts'
import type { EngineConnection } from '../protocol/connection-file.ts'
import type { KernelPorts } from './kernel/kernel-sockets.ts'

/** A controller's connection file, and the address that it means from here. */
export interface ControllerAddress {
  readonly connection: EngineConnection
  /** `tcp://address`, without a port. */
  readonly base: string
}

/** What the io thread is started with. */
export interface IoThreadData {
  readonly uuid: string
  readonly wantedId: number | undefined
  readonly address: ControllerAddress
  readonly controllerGoneMs: number
  readonly lifelineFd: number | undefined
  readonly shared: SharedArrayBuffer
  readonly port: MessagePort
}

/** Header of the request that a message belongs to, as it came; undefined: of none. */
export type ParentHeader = Uint8Array | undefined

export type ToIoThread =
  /** The shell is connected to the direct and the balanced scheduler of generation `link`. */
  | { readonly type: 'shell_ready'; readonly link: number }
  | { readonly type: 'shell_lost'; readonly link: number }
  /** And to its broadcast leaf. */
  | { readonly type: 'shell_complete'; readonly link: number }
  /** The answer to `read_connection`; undefined when it cannot be read now. */
  | { readonly type: 'connection_read'; readonly address: ControllerAddress | undefined }
  /** Text that user code printed. Pieces with the same `sequence` become one message. */
  | {
      readonly type: 'stream'
      readonly sequence: number
      readonly name: 'stdout' | 'stderr'
      readonly text: string
      readonly parent: ParentHeader
    }
  | {
      readonly type: 'publish'
      readonly messageType: MessageType
      readonly topic: string
      readonly content: object
      readonly parent: ParentHeader
    }
  /** The request whose text was posted last is over: nothing more will be added. */
  | { readonly type: 'flush' }
  | { readonly type: 'cleared'; readonly token: number; readonly error: string | undefined }
  | { readonly type: 'pong' }
  /** Serve Jupyter's clients at this address, with messages signed by this key. */
  | { readonly type: 'bind_kernel'; readonly address: string; readonly key: string }
  | { readonly type: 'stop' }
  /** The process is about to exit by its own doing. */
  | { readonly type: 'exiting'; readonly exitCode: number }

export type FromIoThread =
  /** Make all shell connections anew. */
  | { readonly type: 'connect_shell'; readonly link: number; readonly address: ControllerAddress }
  | { readonly type: 'join_shell'; readonly link: number; readonly id: number }
  | { readonly type: 'registered'; readonly id: number }
  | { readonly type: 'read_connection' }
  /** Answered from the event loop: is it blocked? */
  | { readonly type: 'ping' }
  | { readonly type: 'abort'; readonly msgIds: readonly string[] }
  /** Tasks that the scheduler runs elsewhere, by their signatures: they are to be dropped when they come up. */
  | { readonly type: 'give_back'; readonly signatures: readonly string[] }
  | { readonly type: 'kernel_bound'; readonly ports: KernelPorts }
  | { readonly type: 'kernel_refused'; readonly reason: string }
  | { readonly type: 'clear'; readonly token: number }
  | { readonly type: 'end'; readonly exitCode: number; readonly reason: string }
  | {
      readonly type: 'log'
      readonly level: 'info' | 'warn' | 'error'
      readonly message: string
      readonly fields?: LogFields
    }

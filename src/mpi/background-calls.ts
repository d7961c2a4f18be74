import type { MPIBuffer } from './buffers.ts'
import { callLater } from './collective-call.ts'
import { CollectiveCalls } from './collective-calls.ts'
import * as collectives from './collectives.ts'
import type { Op } from './op.ts'
import { PREDEFINED } from './operations.ts'
import type { Request } from './request.ts'
import type { InPlace, Parts } from './shares.ts'

type Given = MPIBuffer | InPlace

const { SUM } = PREDEFINED
const ROOT = 0

/**
 * Collective calls in the background: each returns at once, as soon as this rank has begun it, and its buffers must not be
 * touched before the request has ended. All ranks must begin the same ones in the same order. See `Comm`.
 */
export class BackgroundCalls extends CollectiveCalls {
  /** As `barrier`, in the background: the request ends when all ranks have begun it. */
  Ibarrier(): Request {
    return callLater(this.context, { name: 'Barrier', terms: '', args: [] })
  }

  /** As `Bcast`, in the background. */
  Ibcast(buffer: MPIBuffer, root = ROOT): Request {
    return callLater(this.context, collectives.bcast(this.context, buffer, root))
  }

  /** As `Scatter`, in the background. */
  Iscatter(send: MPIBuffer | undefined, receive: Given, root = ROOT): Request {
    return callLater(this.context, collectives.scatter(this.context, send, receive, root))
  }

  /** As `Scatterv`, in the background. */
  Iscatterv(send: Parts | undefined, receive: Given, root = ROOT): Request {
    return callLater(this.context, collectives.scatterv(this.context, send, receive, root))
  }

  /** As `Gather`, in the background. */
  Igather(send: Given, receive: MPIBuffer | undefined, root = ROOT): Request {
    return callLater(this.context, collectives.gather(this.context, send, receive, root))
  }

  /** As `Gatherv`, in the background. */
  Igatherv(send: Given, receive: Parts | undefined, root = ROOT): Request {
    return callLater(this.context, collectives.gatherv(this.context, send, receive, root))
  }

  /** As `Allgather`, in the background. */
  Iallgather(send: Given, receive: MPIBuffer): Request {
    return callLater(this.context, collectives.allgather(this.context, send, receive))
  }

  /** As `Allgatherv`, in the background. */
  Iallgatherv(send: Given, receive: Parts): Request {
    return callLater(this.context, collectives.allgatherv(this.context, send, receive))
  }

  /** As `Alltoall`, in the background. */
  Ialltoall(send: Given, receive: MPIBuffer): Request {
    return callLater(this.context, collectives.alltoall(this.context, send, receive))
  }

  /** As `Alltoallv`, in the background. */
  Ialltoallv(send: Parts | InPlace, receive: Parts): Request {
    return callLater(this.context, collectives.alltoallv(this.context, send, receive))
  }

  /** As `Reduce`, in the background. */
  Ireduce(send: Given, receive: MPIBuffer | undefined, op: Op = SUM, root = ROOT): Request {
    return callLater(this.context, collectives.reduce(this.context, send, receive, op, root))
  }

  /** As `Allreduce`, in the background. */
  Iallreduce(send: Given, receive: MPIBuffer, op: Op = SUM): Request {
    return callLater(this.context, collectives.reduceToAll(this.context, 'Allreduce', send, receive, op))
  }

  /** As `Scan`, in the background. */
  Iscan(send: Given, receive: MPIBuffer, op: Op = SUM): Request {
    return callLater(this.context, collectives.reduceToAll(this.context, 'Scan', send, receive, op))
  }

  /** As `Exscan`, in the background. */
  Iexscan(send: Given, receive: MPIBuffer, op: Op = SUM): Request {
    return callLater(this.context, collectives.reduceToAll(this.context, 'Exscan', send, receive, op))
  }

  /** As `ReduceScatter`, in the background. */
  IreduceScatter(send: Given, receive: MPIBuffer, op: Op = SUM, counts?: readonly number[]): Request {
    return callLater(this.context, collectives.reduceScatter(this.context, send, receive, op, counts))
  }
}

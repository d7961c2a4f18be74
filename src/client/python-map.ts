/** A piece of a `map`, as a Python engine runs it. */

import { RemoteError } from '../errors.ts'
import type { Envelope } from '../protocol/envelope.ts'
import { type AnyFunction, Operation } from '../serialize/payload.ts'
import { packPythonCall } from '../serialize/pickle/python-call.ts'
import { python } from '../serialize/pickle/python-function.ts'
import type { Message } from '../transport/socket.ts'
import type { Columns } from './columns.ts'
import type { RequestRecord } from './request-record.ts'
import { decodeValue } from './view.ts'

const MAP = new Operation('map')

/** Goes on after an element that failed, and tells what it failed with. */
const MAP_SETTLED = python.source(`
import traceback
from builtins import Exception, enumerate, str, type, zip
def map_settled(f, *columns):
    values, failures = [], []
    for index, row in enumerate(zip(*columns)):
        try:
            values.append(f(*row))
        except Exception as error:
            values.append(None)
            failures.append([index, type(error).__name__, str(error), traceback.format_exc()])
    return [values, failures]
`)

type Settled = readonly [values: unknown[], failures: readonly Failure[]]
type Failure = readonly [index: number, ename: string, evalue: string, traceback: string]

/** @throws SerializationError when the function or an element cannot travel. */
export function packPythonMap(fn: AnyFunction, columns: Columns, goesOn: boolean): Message {
  return goesOn ? packPythonCall(MAP_SETTLED, [fn, ...columns]) : packPythonCall(MAP, [fn, columns])
}

/** The values of a piece that went on after failures, with a RemoteError in the place of each. */
export function decodePythonMap(reply: Envelope, record: RequestRecord): unknown[] {
  const [values, failures] = decodeValue(reply) as Settled
  for (const [index, ename, evalue, traceback] of failures)
    values[index] = new RemoteError({
      ename,
      evalue,
      traceback,
      index: record.firstIndex + index,
      msgId: record.msgId,
      ...(record.engineId !== undefined && { engineId: record.engineId }),
      ...(record.engineUuid !== undefined && { engineUuid: record.engineUuid }),
    })
  return values
}

/** `--batch`: what jobs of batch systems are given, on the command line. */

import type { BatchSettings } from '../cluster/batch/batch-settings.ts'
import { UsageError } from '../errors.ts'

/** A parser for an option that may be repeated: `queue=debug`, or several as JSON. */
export function collectBatch(text: string, before: BatchSettings = {}): BatchSettings {
  return { ...before, ...(text.startsWith('{') ? fromJson(text) : fromPair(text)) }
}

export const BATCH_HELP =
  'setting of batch jobs, such as queue=debug or walltime=01:30:00, or several as JSON; may be repeated'

function fromPair(text: string): BatchSettings {
  const at = text.indexOf('=')
  if (at < 1)
    throw new UsageError(`--batch=${text}: give a setting and its value, such as --batch=queue=debug`)
  return { [text.slice(0, at)]: readValue(text.slice(at + 1)) }
}

/** Numbers, lists and objects are written as in JSON; all else is text. */
function readValue(text: string): unknown {
  if (!/^(?:\d+$|[[{]|true$|false$)/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function fromJson(text: string): BatchSettings {
  try {
    return JSON.parse(text) as BatchSettings
  } catch (cause) {
    throw new UsageError(`--batch=${text}: ${(cause as Error).message}`)
  }
}

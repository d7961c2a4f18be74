import type { KeeperLink } from '../cluster/lifeline.ts'
import { waitForFile } from '../config/connection-files.ts'
import { NotRunningError } from '../errors.ts'

const FILE_TIMEOUT = 10
const KEEPER_POLL_MS = 200

/**
 * As waitForFile, but no longer than the keeper lives.
 *
 * @param timeout - seconds; default 10.
 */
export async function awaitConnectionFile(
  path: string,
  timeout: number | undefined,
  keeper: KeeperLink,
): Promise<void> {
  const orphaned = new AbortController()
  const watch = setInterval(() => {
    if (keeper.isGone()) orphaned.abort(new NotRunningError('the keeper of this engine is gone'))
  }, KEEPER_POLL_MS)
  try {
    await waitForFile(path, { timeoutMs: (timeout ?? FILE_TIMEOUT) * 1000, signal: orphaned.signal })
  } finally {
    clearInterval(watch)
  }
}

/** A controller in a process of its own that tells, when asked, how much memory it holds after a garbage collection. */

import process from 'node:process'
import { startController } from '../../src/controller/controller.ts'

export interface Held {
  readonly heapBytes: number
  /** Outside of the heap: buffers. */
  readonly externalBytes: number
  readonly rssBytes: number
}

const controller = await startController()
const { clientConnection, engineConnection } = controller
process.send!({ clientConnection, engineConnection })
process.on('message', () => {
  // Twice: what the first one finds may hold buffers that the second one frees.
  gc!()
  gc!()
  const { heapUsed, external, rss } = process.memoryUsage()
  const held: Held = { heapBytes: heapUsed, externalBytes: external, rssBytes: rss }
  process.send!(held)
})
process.on('disconnect', () => void controller.stop().then(() => process.exit()))

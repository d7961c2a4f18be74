import { createReadStream } from 'node:fs'
import { Socket } from 'node:net'

/**
 * Watches the pipe to the program that started this one: its end means that the program is gone, however it ended.
 *
 * @returns stops watching.
 */
export function watchLifeline(fd: number, onClosed: () => void): () => void {
  let told = false
  const tell = (): void => {
    if (told) return
    told = true
    onClosed()
  }
  const stream = openPipe(fd)
  stream.on('error', tell)
  stream.on('end', tell)
  stream.on('close', tell)
  stream.resume()
  return () => {
    told = true
    stream.destroy()
  }
}

function openPipe(fd: number): NodeJS.ReadableStream & { destroy(): void } {
  try {
    return new Socket({ fd, readable: true, writable: false })
  } catch {
    // A file or a terminal, as in a test by hand.
    return createReadStream('', { fd, autoClose: false })
  }
}

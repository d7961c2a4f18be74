import type { ResultHost } from './result-host.ts'

/** Where and how often progress is shown. */
export interface ProgressOptions {
  /** Seconds between two looks. Default 0.2. */
  readonly interval?: number
  /** Where it is shown. Default: stderr. */
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/** What progress is shown of. */
export interface Progressing {
  readonly progress: number
  readonly length: number
  readonly elapsed: number
  ready(): boolean
  wait(options: { timeout?: number }): Promise<boolean>
}

interface Display {
  update(done: number, total: number): void
  end(done: number, total: number): void
}

/** Without a terminal, a line is written each time that this share of the work is done, and when it ends. */
const LINE_SHARE = 0.1
const LINE_PAUSE_S = 10

/** Shows how far `result` is until it is ready, or `timeout` seconds have passed. */
export async function showProgress(
  result: Progressing,
  what: string,
  host: Pick<ResultHost, 'clock'>,
  options: ProgressOptions & { readonly timeout?: number },
): Promise<boolean> {
  const stream = options.stream ?? process.stderr
  const display =
    stream.isTTY === true ? await progressBar(what, stream) : progressLines(result, what, stream)
  const interval = options.interval ?? 0.2
  const endMs = host.clock.nowMs() + (options.timeout ?? Number.POSITIVE_INFINITY) * 1000
  display.update(result.progress, result.length)
  while (!result.ready()) {
    const left = (endMs - host.clock.nowMs()) / 1000
    if (left <= 0) break
    await result.wait({ timeout: Math.min(interval, left) })
    display.update(result.progress, result.length)
  }
  display.end(result.progress, result.length)
  return result.ready()
}

async function progressBar(what: string, stream: NodeJS.WritableStream): Promise<Display> {
  const { default: progress } = await import('cli-progress')
  const bar = new progress.SingleBar(
    {
      format: `${what} {bar} {percentage}% | {value}/{total} | {duration_formatted} | ETA {eta_formatted}`,
      stream,
    },
    progress.Presets.shades_classic,
  )
  bar.start(0, 0)
  const update = (done: number, total: number) => {
    bar.setTotal(total)
    bar.update(done)
  }
  return {
    update,
    end(done, total) {
      update(done, total)
      bar.stop()
    },
  }
}

function progressLines(result: Progressing, what: string, stream: NodeJS.WritableStream): Display {
  let writtenShare = -1
  let writtenAtS = Number.NEGATIVE_INFINITY
  const write = (done: number, total: number) => {
    writtenShare = done / Math.max(1, total)
    writtenAtS = result.elapsed
    stream.write(`${what}: ${done}/${total} done after ${result.elapsed.toFixed(1)} s\n`)
  }
  return {
    update(done, total) {
      const grown = done / Math.max(1, total) - writtenShare
      if (grown >= LINE_SHARE || (grown > 0 && result.elapsed - writtenAtS >= LINE_PAUSE_S))
        write(done, total)
    },
    end(done, total) {
      if (done / Math.max(1, total) !== writtenShare) write(done, total)
    },
  }
}

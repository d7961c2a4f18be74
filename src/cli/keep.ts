/** What `ipcluster start` and `ipcluster engines` share: keeping programs until they end or are asked to. */

import process from 'node:process'
import { takeReport } from '../cluster/daemon.ts'
import { Keeper } from '../cluster/keeper.ts'
import type { KeeperPlan } from '../cluster/keeper-plan.ts'
import { howItEnded } from '../cluster/launch-error.ts'
import type { LaunchNews } from '../cluster/state/launch-events.ts'
import { ParallelError } from '../errors.ts'
import { openDaemonLog, openLog } from './log.ts'
import type { LogOptions } from './options.ts'
import { print } from './print.ts'
import { onEndingSignals } from './signals.ts'

const KEEP_ALIVE_MS = 2 ** 30

/** What to say while keeping; nothing of it is said by a daemon. */
export interface KeepTexts {
  readonly starting: string
  up(keeper: Keeper): string
}

/**
 * Starts what the plan says and keeps it until a signal or its own end. As a daemon (somebody waits for a report) it
 * stays silent, logs to a file, and does not mind the end of the terminal.
 *
 * @throws what the start failed with, or why the cluster came to its end.
 */
export async function keep(plan: KeeperPlan, options: LogOptions, texts: KeepTexts): Promise<void> {
  const report = takeReport()
  const isDaemon = report !== undefined
  const say = isDaemon || options.quiet === true ? () => {} : print
  const place = { program: 'ipcluster', profileDir: plan.profileDir, clusterId: plan.clusterId }
  const log = isDaemon
    ? openDaemonLog(place, options.logLevel)
    : await openLog(place, { logLevel: 'error', ...options })
  const keeper = new Keeper(plan, { log, onNews: news => tellNews(news, say) })

  const giveUp = new AbortController()
  let interrupted: NodeJS.Signals | undefined
  onEndingSignals(
    signal => {
      interrupted = signal
      say(`${signal}: stopping …`)
      if (keeper.isRunning) void keeper.stop()
      else giveUp.abort(new Error(`the start was given up: ${signal}`))
    },
    () => void keeper.kill(),
    isDaemon ? ['SIGHUP'] : [],
  )
  const keepAlive = setInterval(() => {}, KEEP_ALIVE_MS)
  try {
    say(texts.starting)
    await start(keeper, giveUp.signal, report)
    log.info(`up with ${keeper.engines.length} engines`)
    say(texts.up(keeper))
    const failure = await keeper.ended
    if (failure !== undefined) {
      log.error(failure.message)
      throw failure
    }
    say('Stopped.')
  } catch (error) {
    // Whoever asked for the end knows why it ended.
    if (interrupted === undefined) throw error
    say('Stopped.')
  } finally {
    clearInterval(keepAlive)
  }
}

async function start(
  keeper: Keeper,
  signal: AbortSignal,
  report: ReturnType<typeof takeReport>,
): Promise<void> {
  try {
    await keeper.start(signal)
    report?.({ type: 'up' })
  } catch (error) {
    const code = error instanceof ParallelError ? error.code : 'ERR_INTERNAL'
    report?.({ type: 'failed', code, message: error instanceof Error ? error.message : String(error) })
    throw error
  }
}

function tellNews(news: LaunchNews, say: (line: string) => void): void {
  if (news.type !== 'engine_died') return
  const next = news.isReplaced
    ? 'another takes its place'
    : 'it is not replaced: too many died as they started'
  say(`Engine ${news.id ?? '?'} ${howItEnded(news.end)}; ${next}.`)
  if (!news.isReplaced && news.end.output !== '') process.stderr.write(`${news.end.output}\n`)
}

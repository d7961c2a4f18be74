/** What a keeper keeps: which programs, how many, and by which launchers. */

import type { PlannedSet } from './engine-jobs.ts'
import type { Launcher, Program } from './launcher.ts'

/** Without `controller`: engines that join one which somebody else keeps. */
export interface KeeperPlan {
  readonly profileDir: string
  readonly clusterId: string
  readonly n: number
  readonly controller: { readonly launcher: Launcher; readonly program: Program } | undefined
  readonly engines: {
    /** At least one; the engines start in this order. */
    readonly sets: readonly PlannedSet[]
  }
  readonly controllerIp: string
  readonly controllerLocation: string
  readonly startTimeoutMs: number
}

/** Every launcher of a plan. */
export function launchersOf({ controller, engines }: KeeperPlan): Launcher[] {
  const launchers = engines.sets.map(set => set.launcher)
  return controller === undefined ? launchers : [controller.launcher, ...launchers]
}

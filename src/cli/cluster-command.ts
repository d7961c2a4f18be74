import type { Command } from 'commander'
import { cleanCommand } from './clean.ts'
import { enginesCommand } from './engines.ts'
import { listCommand } from './list.ts'
import { newCommand } from './run.ts'
import { startCommand } from './start.ts'
import { statusCommand } from './status.ts'
import { stopCommand } from './stop.ts'

/** `ipcluster`, which is `itsparallel cluster` as well. */
export function clusterCommand(name: string): Command {
  return newCommand(name, 'Start, stop and look after clusters: a controller and its engines')
    .addCommand(startCommand())
    .addCommand(stopCommand())
    .addCommand(enginesCommand())
    .addCommand(listCommand())
    .addCommand(statusCommand())
    .addCommand(cleanCommand())
}

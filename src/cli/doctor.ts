import process from 'node:process'
import type { Command } from 'commander'
import type { StageReport } from '../cluster/doctor.ts'
import { addEngineOptions, type EngineOptions } from './engine-options.ts'
import { addPlaceOptions, type PlaceOptions } from './options.ts'
import { EXIT, newCommand } from './run.ts'

interface DoctorOptions extends PlaceOptions, EngineOptions {
  readonly controller?: string
  readonly json?: boolean
}

/** `itsparallel doctor`: tries a profile out, and says what to mend. */
export function doctorCommand(): Command {
  const command = newCommand(
    'doctor',
    'Try a profile out with one engine, stage by stage, and say what to mend',
  )
    .option('--controller <launcher>', 'what starts the controller, as for ipcluster start')
    .option('--json', 'print JSON')
  return addEngineOptions(addPlaceOptions(command)).action(examineProfile)
}

async function examineProfile(options: DoctorOptions): Promise<void> {
  const { examine } = await import('../cluster/doctor.ts')
  const { readEngineOptions } = await import('./engine-options.ts')
  const { checkLauncher } = await import('../cluster/launchers.ts')
  const { print, printJson } = await import('./print.ts')
  const { onEndingSignals } = await import('./signals.ts')
  const { profile, profileDir, controller } = options
  const stages: StageReport[] = []
  const giveUp = new AbortController()
  // What was started is ended: a job that waits would otherwise run one day, for nobody.
  onEndingSignals(name => {
    process.exitCode = EXIT.failed
    giveUp.abort(new Error(`given up, by ${name}`))
  })
  const reports = examine({
    profile,
    profileDir,
    ...(await readEngineOptions(options)),
    controller: controller === undefined ? undefined : checkLauncher(controller),
    signal: giveUp.signal,
  })
  for await (const report of reports) {
    stages.push(report)
    if (options.json !== true) print(line(report))
  }
  const ok = stages.every(stage => stage.ok)
  if (options.json === true) printJson({ ok, stages })
  if (!ok) process.exitCode = EXIT.failed
}

function line({ stage, ok, detail }: StageReport): string {
  return `${ok ? 'ok    ' : 'FAILED'}  ${stage.padEnd(14)} ${detail}`.trimEnd()
}

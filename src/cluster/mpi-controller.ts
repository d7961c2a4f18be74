import { leaveWill } from './last-will.ts'
import type { GroupLauncher } from './launcher.ts'
import { type MpiSettings, mpiLauncher } from './mpi-launcher.ts'
import type { ProgramPlace } from './program.ts'

/** Starts a controller by `mpiexec`. It has no lifeline: its end is in the will of whoever keeps it. */
export function mpiControllerLauncher(settings: MpiSettings | undefined, place: ProgramPlace): GroupLauncher {
  const launcher = mpiLauncher(settings)
  return {
    ...launcher,
    areRanks: false,
    submit(program, count, handlers) {
      let revokeWill = (): void => {}
      const job = launcher.submit(program, count, {
        onEnd: end => {
          revokeWill()
          handlers.onEnd(end)
        },
      })
      revokeWill = leaveWill(place, job.pid)
      return job
    },
  }
}

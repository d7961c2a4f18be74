import type { BatchSystemName } from '../../config/launcher-names.ts'
import type { BatchSystem } from './batch-system.ts'
import { htcondor } from './htcondor.ts'
import { lsf } from './lsf.ts'
import { pbs } from './pbs.ts'
import { sge } from './sge.ts'
import { slurm } from './slurm.ts'

/** The batch systems that there are. */
export const BATCH_SYSTEMS: Readonly<Record<BatchSystemName, BatchSystem>> = {
  pbs,
  slurm,
  sge,
  lsf,
  htcondor,
}

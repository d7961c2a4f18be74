export const BATCH_SYSTEM_NAMES = ['pbs', 'slurm', 'sge', 'lsf', 'htcondor'] as const

/** What may start the programs of a cluster, by name. */
export const LAUNCHER_NAMES = ['local', 'mpi', 'ssh', ...BATCH_SYSTEM_NAMES] as const

/** Names of the batch systems that there are. */
export type BatchSystemName = (typeof BATCH_SYSTEM_NAMES)[number]

/** Names of the launchers that there are. */
export type LauncherName = (typeof LAUNCHER_NAMES)[number]

/** Languages of the engines that every launcher starts alike. */
export const ENGINE_LANGUAGES = ['node', 'python'] as const

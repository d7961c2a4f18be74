import { batchSuite } from '../common/batch-suite.ts'
import { hasSlurm, hasSlurmTorque, startSlurm } from '../support/batch/slurm.ts'

batchSuite({
  title: 'engines in jobs of Slurm',
  launcher: 'slurm',
  isPresent: hasSlurm(),
  packages: 'slurm-wlm and munge',
  start: startSlurm,
  batch: { queue: 'main', walltime: '00:05:00', cpus: 1 },
  waits: [
    { directive: '--hold', says: /it is held, .*JobHeldUser/ },
    { directive: '--begin=now+1hour', says: /PENDING, BeginTime/ },
  ],
  refused: {
    batch: { queue: 'nope' },
    message: /Invalid partition name[\s\S]*hint: queue nope cannot be used: `sinfo`/,
  },
})

batchSuite({
  title: "engines in jobs of PBS's commands on Slurm",
  launcher: 'pbs',
  isPresent: hasSlurmTorque(),
  packages: 'slurm-wlm, slurm-wlm-torque and munge',
  start: startSlurm,
  batch: { array: false, queue: 'main', walltime: '00:05:00' },
  refused: {
    batch: { queue: 'nope' },
    message: /Invalid partition name[\s\S]*hint: queue nope cannot be used/,
  },
})

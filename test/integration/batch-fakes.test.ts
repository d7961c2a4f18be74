import { batchSuite } from '../common/batch-suite.ts'
import { startFake } from '../support/batch/fakes.ts'

const present = { isPresent: true, packages: '' }

batchSuite({
  ...present,
  title: 'engines in jobs of LSF, as its manual describes it',
  launcher: 'lsf',
  start: () => startFake('lsf'),
  batch: { queue: 'normal', walltime: '00:05:00', memory: '2G' },
  refused: {
    batch: { queue: 'nope' },
    message: /No such queue[\s\S]*hint: queue nope cannot be used: `bqueues`/,
  },
})

batchSuite({
  ...present,
  title: 'engines in jobs of PBS, as its manual describes it',
  launcher: 'pbs',
  start: () => startFake('pbs'),
  batch: { queue: 'workq', walltime: '00:05:00', account: 'physics' },
  refused: {
    batch: { queue: 'nope' },
    message: /Unknown queue[\s\S]*hint: queue nope cannot be used: `qstat -Q`/,
  },
})

batchSuite({
  ...present,
  title: 'engines in jobs of HTCondor, as its manual describes it',
  launcher: 'htcondor',
  start: () => startFake('htcondor'),
  batch: { walltime: '00:05:00', memory: '2G' },
  refused: {
    batch: { directives: ['requirements = nowhere'] },
    message: /Parse error in expression: nowhere/,
  },
})

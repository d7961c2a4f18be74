import { batchSuite } from '../common/batch-suite.ts'
import { hasGridEngine, startGridEngine } from '../support/batch/grid-engine.ts'

batchSuite({
  title: 'engines in jobs of Grid Engine',
  launcher: 'sge',
  isPresent: hasGridEngine(),
  packages: 'gridengine-master and gridengine-exec',
  start: startGridEngine,
  batch: { queue: 'main.q', walltime: '00:05:00' },
  waits: [
    { directive: '-h', says: /it is held, hqw/ },
    { directive: '-l mem_free=900T', says: /qw: .*mem_free=900T.*cannot run/ },
  ],
  walltime: 6,
  mpi: true,
  refused: {
    batch: { queue: 'nope' },
    message: /unknown queue "nope"[\s\S]*hint: queue nope cannot be used: `qconf -sql`/,
  },
})

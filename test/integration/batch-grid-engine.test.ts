import { batchSuite } from '../common/batch-suite.ts'
import { hasGridEngine, startGridEngine } from '../support/batch/grid-engine.ts'

batchSuite({
  title: 'engines in jobs of Grid Engine',
  launcher: 'sge',
  isPresent: hasGridEngine(),
  packages: 'gridengine-master and gridengine-exec',
  start: startGridEngine,
  batch: { queue: 'main.q', walltime: '00:05:00' },
  hold: { directive: '-h', state: /hqw/ },
  refused: {
    batch: { queue: 'nope' },
    message: /unknown queue "nope"[\s\S]*hint: queue nope cannot be used: `qconf -sql`/,
  },
})

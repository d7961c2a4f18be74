import { memoryTransport } from '../../../src/transport/memory.ts'
import { transportSuite } from '../../common/transport-suite.ts'

transportSuite('memoryTransport', () => memoryTransport())

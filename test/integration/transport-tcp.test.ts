import { tcpTransport } from '../../src/transport/tcp.ts'
import { transportSuite } from '../common/transport-suite.ts'

transportSuite('tcpTransport', () => tcpTransport)

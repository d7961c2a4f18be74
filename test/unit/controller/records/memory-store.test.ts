import { MemoryStore } from '../../../../src/controller/records/record-store.ts'
import { recordStoreSuite } from '../../../common/record-store-suite.ts'

recordStoreSuite('MemoryStore', async () => new MemoryStore())

/** The thread of the records' database. */

import { parentPort, workerData } from 'node:worker_threads'
import { type SqlServiceOptions, serveRecords } from './sql-service.ts'

serveRecords(parentPort!, workerData as SqlServiceOptions)

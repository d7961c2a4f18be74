import type { Workload } from '../workload.ts'
import { largeArray } from './large-array.ts'

/** 64 MiB of doubles from the namespace of one engine to the client. */
export const pull: Workload = {
  name: 'pull',
  title: 'pull of 64 MiB of doubles from one engine',
  ...largeArray,
  goals: [{ bound: 'at least', value: 0.6, times: 'bare net', level: 'final' }],
}

import type { Workload } from '../workload.ts'
import { largeArray } from './large-array.ts'

/** 64 MiB of doubles from the client into the namespace of one engine. */
export const push: Workload = {
  name: 'push',
  title: 'push of 64 MiB of doubles to one engine',
  ...largeArray,
  goals: [
    { bound: 'at least', value: 2, times: 'ipyparallel', level: 'first' },
    { bound: 'at least', value: 0.6, times: 'bare net', level: 'final' },
  ],
}

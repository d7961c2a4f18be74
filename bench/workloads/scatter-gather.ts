import { perSecond, type Workload } from '../workload.ts'
import { largeArray } from './large-array.ts'

/** 64 MiB of doubles dealt out to the engines and collected again. The figure counts the bytes of both ways. */
export const scatterGather: Workload = {
  name: 'scatter-gather',
  title: 'scatter and gather of 64 MiB of doubles',
  ...largeArray,
  figure: (seconds, count) => perSecond(seconds, 2 * count),
  goals: [{ bound: 'at least', value: 0.6, times: 'bare net', level: 'final' }],
}

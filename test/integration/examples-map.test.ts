import { expect, it } from 'vitest'
import { runExample } from '../support/run-example.ts'

const EXAMPLES: Readonly<Record<string, string>> = {
  'streaming.ts': `
element 13: RangeError: not a number
1000 values, their sum: 500486, and the source is closed
13 values, then: RemoteError: RangeError: not a number [engine …]
came: 10 20 30 1000, progress: 4 of 4
awaited, in order: [ 1000, 10, 20, 30 ]
`,
  'monte-carlo-pi.ts': `
1 million darts: pi is about 3.1423
2 million darts: pi is about 3.1415
4 million darts: pi is about 3.1424
8 million darts: pi is about 3.1416
16 million darts: pi is about 3.1411
`,
  'word-counts.ts': `
most frequent: [ 'the', 30000 ] [ 'to', 22500 ] [ 'men', 17500 ]
words in all: 165000
`,
}

it.each(Object.entries(EXAMPLES))(
  'examples/map/%s prints what it should',
  async (file, expected) => {
    const text = await runExample(`map/${file}`)
    expect(text.replaceAll(/engine \d/g, 'engine …')).toBe(expected.slice(1))
  },
  60_000,
)

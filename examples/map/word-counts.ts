/**
 * The words of a text, counted where the engines are: each task counts a few verses, the sums are made here.
 *
 *   npm run build && node --import tsx examples/map/word-counts.ts
 */
import { Cluster } from 'itsparallel'

const VERSES = `
Ten men went to the mill, nine men went to the mill, eight men went to the fair
Seven went to the fair to see the mill, six went to see the men
Five saw the mill, four saw the fair, three saw the men who went to see
Two men saw the mill at the fair, and one went to the men to say so
`
  .trim()
  .split('\n')

function countWords(verse: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const word of verse.toLowerCase().match(/\p{L}+/gu) ?? [])
    counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

await using cluster = await Cluster.start({ n: 2 })
const rc = await cluster.connect()

/** As long a text as one likes: verses are read as there is room for them. */
function* text(): Generator<string> {
  for (let i = 0; i < 10_000; i++) yield VERSES[i % VERSES.length]!
}

const totals = new Map<string, number>()
for await (const counts of rc.loadBalancedView().with({ ordered: false }).map(countWords, text()))
  for (const [word, count] of counts) totals.set(word, (totals.get(word) ?? 0) + count)

const [first, second, third] = [...totals].sort(([word, a], [other, b]) => b - a || word.localeCompare(other))
console.log('most frequent:', first, second, third)
console.log(
  'words in all:',
  [...totals.values()].reduce((sum, count) => sum + count, 0),
)

/**
 * The direct interface, step by step: talk to engines one by one or to all of them at once, each with names of its own
 * that last from one call to the next.
 *
 *   npm run tour
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster } from 'itsparallel'

/** Names of the engines, not of this file: what a function finds neither here nor in its imports it looks up there. */
declare const a: number
declare const b: number

let steps = 0
const step = (title: string) => console.log(`\n${++steps}. ${title}`)

await using cluster = await Cluster.start({ n: 4 })
const rc = await cluster.connect()

step('Which engines are there?')
console.log('rc.ids:', rc.ids)

step('Apply a function on every engine, and wait for its results')
const dview = rc.directView()
const getpid = () => process.pid
const pids = await dview.apply(getpid)
console.log('process ids, in the order of the engines:', pids)
console.log('four different processes, and not this one:', new Set([...pids, process.pid]).size === 5)

step('Apply it without waiting: an AsyncResult is there at once')
const slow = async () => {
  await sleep(300)
  return process.pid
}
const ar = dview.apply(slow)
console.log('ready at once:', ar.ready())
const later = await ar
console.log('ready once awaited:', ar.ready())
console.log('the same processes:', later.join() === pids.join())

step('One engine: its result is a value, not an array')
console.log('the first is the process it was:', (await rc.at(0).apply(getpid)) === pids[0])
console.log('the last is the last:', (await rc.at(-1).apply(getpid)) === pids.at(-1))
console.log('every other one:', (await rc.slice(0, 4, 2).apply(getpid)).length, 'values')

step('Push names, execute source text, pull what it made')
await dview.push({ a: 5, b: 10 })
await dview.execute('c = a * b')
console.log('c on every engine:', await dview.pull('c'))
console.log('a function sees them too, a + b:', await dview.apply(() => a + b))

step('The namespace does the same with the look of an object')
dview.namespace.a = 7
console.log('a on every engine:', await dview.namespace.a)
await rc.at(0).execute('c = a * b')
console.log('c, computed anew on engine 0 only:', await dview.pull('c'))
console.log('several at once:', await rc.at(0).pull(['a', 'b', 'c']))

step('A name that is not there is an error, and says where')
try {
  await rc.at(1).pull('d')
} catch (error) {
  console.log(String(error))
}

step('Scatter a sequence, gather it again')
const numbers = Array.from({ length: 64 }, (_, i) => i)
await dview.scatter('part', numbers)
console.log('part on each engine:', (await dview.apply(partEnds)).join('  '))
console.log('gathered, it is whole:', (await dview.gather('part')).length, 'numbers')

step('Squares of 0 … 63: here, by map, and by scatter, execute, gather')
const square = (x: number) => x ** 2
const serial = numbers.map(square)
const mapped = await dview.map(square, numbers)
await dview.execute('squares = part.map(x => x ** 2)')
const gathered = await dview.gather('squares')
console.log('the last ones:', gathered.slice(-4))
console.log('all three agree:', serial.join() === mapped.join() && serial.join() === gathered.join())

/** The engine's own piece of the scattered sequence. */
declare const part: number[]
function partEnds() {
  return `${part.at(0)}…${part.at(-1)}`
}

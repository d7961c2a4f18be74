/**
 * The first thing to try: start a cluster, call a function on every engine, and on whichever is free.
 *
 *   npm run build && node --import tsx examples/first-apply.ts
 */
import { Cluster } from 'itsparallel'

await using cluster = await Cluster.start({ n: 2 })
const rc = await cluster.connect()
console.log(rc)

// On every engine: one value for each. What the function refers to goes along.
const greeting = 'hello'
const greet = (name: string) => `${greeting}, ${name}`
console.log(await rc.directView().apply(greet, 'engines'))

// On one engine: the value itself.
console.log(await rc.at(0).apply(greet, 'engine 0'))

// On whichever engine is free.
console.log(await rc.loadBalancedView().apply(greet, 'whoever you are'))

// Without waiting: the result is there at once, its value later.
const result = rc.directView().apply(() => process.pid !== undefined)
console.log(result.ready(), await result, result.ready())

// An error on an engine is an error here, with the engine's number.
const failing = rc.at(1).apply(() => {
  throw new RangeError('too far')
})
console.log(await failing.catch(String))

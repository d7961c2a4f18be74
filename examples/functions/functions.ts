/**
 * Functions travel whole: what a function refers to goes along with it, and what cannot travel is refused at the call.
 *
 *   node --import tsx examples/functions/functions.ts
 */
import { Socket } from 'node:net'
import { join } from 'node:path'
import { Cluster } from 'itsparallel'
import { mean } from './statistics.ts'

await using cluster = await Cluster.start({ n: 2 })
await using rc = await cluster.connect()
const view = rc.loadBalancedView()

// Variables travel with the values that they have at the moment of the call.
let factor = 10
const tenfold = view.apply(() => 4 * factor)
factor = 100
console.log('captured at the call:', await tenfold, await view.apply(() => 4 * factor))

// So do classes, private members and all, and the functions that they use.
class Account {
  #balance = 0
  deposit(amount: number): this {
    this.#balance += rounded(amount)
    return this
  }
  get balance(): number {
    return this.#balance
  }
}
const rounded = (amount: number): number => Math.round(amount * 100) / 100
console.log('a class:', await view.apply(() => new Account().deposit(1.239).deposit(2).balance))

// Imports are imports there as well; modules of your own are sent along, whatever is on the engine's disk.
console.log('an import of node:', await view.apply(() => join('a', 'b')))
console.log('an import of our own:', await view.apply(() => mean([1, 2, 3, 6])))
const count = async () => (await import('./counter.ts')).count()
console.log('its module keeps its state:', await rc.at(0).apply(count), await rc.at(0).apply(count))

// A large array goes to each engine once, not with every task.
const samples = new Float64Array(1_000_000).fill(0.5)
const tasks = Array.from({ length: 100 }, (_, i) => view.apply(() => samples[i]! * i))
console.log(
  'a hundred tasks with 8 MB each:',
  (await Promise.all(tasks)).reduce((sum, each) => sum + each, 0),
)

// What cannot travel is refused here and now, with the way to it.
const config = { retries: 3, socket: new Socket() }
try {
  view.apply(function simulate() {
    return config.socket.localPort
  })
} catch (error) {
  console.log(String(error))
}

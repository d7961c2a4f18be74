import vm from 'node:vm'
import { describe, expect, it } from 'vitest'
import {
  type Interruptible,
  installInterruptProbe,
  type Meant,
  probeExpression,
  type Verdict,
} from '../../../src/engine/interrupt-probe.ts'

class Target implements Interruptible {
  activity: Interruptible['activity'] = 'running'
  begun = 2
  currentId: string | undefined = 'second'
  expectTear(isOrdered: boolean): void {
    expect(isOrdered, 'nothing may be torn down at the first look').toBe(false)
  }
}

/** A file that counts as the engine's own. */
const OWN_FILE = new URL('../../../src/transport/none.ts', import.meta.url).pathname

let mayTear = true
const target = new Target()
const rest = installInterruptProbe(target, () => mayTear)

/** What the first look at a target that runs its second request says. */
function firstLook(meant: Meant): Verdict {
  const verdict: Verdict = vm.runInThisContext(probeExpression(0, meant))
  rest()
  return verdict
}

describe('the interrupt probe', () => {
  it.each<[string, Meant, Verdict]>([
    ['the request that ran when the interrupt came', { msgIds: [], begun: 2 }, 'retry'],
    ['one that has ended since: the next one is spared', { msgIds: [], begun: 1 }, 'over'],
    ['a request by name', { msgIds: ['first', 'second'] }, 'retry'],
    ['another by name', { msgIds: ['first'] }, 'over'],
    ['one that has ended, and this one by name', { msgIds: ['second'], begun: 1 }, 'retry'],
  ])('goes on only with whom it was meant for: %s', (_name, meant, verdict) => {
    expect(firstLook(meant)).toBe(verdict)
  })

  it('does not take a builtin that the engine calls for code of the user', () => {
    const meant = { msgIds: [], begun: 2 }
    // As the inspector evaluates it, in a script without a name, here in the middle of `Array.prototype.map`.
    const evaluation = vm.runInThisContext(`() => ${probeExpression(0, meant)}`, { filename: '' })
    const engineCode = vm.runInThisContext('evaluation => [0].map(evaluation)', { filename: OWN_FILE })
    target.activity = 'waiting'
    expect(engineCode(evaluation)).toEqual(['ended'])
    target.activity = 'running'
    rest()
  })

  it('tears nothing down, at any look, while that is not allowed', () => {
    mayTear = false
    const meant = { msgIds: [], begun: 2 }
    expect(firstLook(meant)).toBe('retry')
    expect(vm.runInThisContext(probeExpression(1, meant))).toBe('retry')
    mayTear = true
    rest()
  })
})

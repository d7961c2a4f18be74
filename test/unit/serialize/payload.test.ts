import { describe, expect, it } from 'vitest'
import { RemoteProtocolError } from '../../../src/errors.ts'
import {
  type Call,
  nodeRealm,
  Operation,
  packCall,
  packValue,
  Reference,
  splitPayloads,
  unpackCall,
  unpackValue,
} from '../../../src/serialize/payload.ts'
import { engineRealm } from './engine-realm.ts'

describe('packCall and unpackCall', () => {
  it('carry a function and its arguments', () => {
    const call = unpackCall(
      packCall((a: number, b: number) => a + b, [1, 2]),
      engineRealm(),
    ) as Call
    expect(call.args).toEqual([1, 2])
    expect((call.callee as (...args: unknown[]) => unknown)(...call.args)).toBe(3)
  })

  it('give the same function for the same definition', () => {
    const realm = engineRealm()
    const frames = packCall(() => 'same', [])
    expect((unpackCall(frames, realm) as Call).callee).toBe((unpackCall(frames, realm) as Call).callee)
  })

  it('put the value of a Reference where it stands', () => {
    const data = { big: true }
    const realm = engineRealm({ data, fn: (x: unknown) => x })
    const call = unpackCall(
      packCall(new Reference('fn'), [new Reference('data'), [new Reference('data')]]),
      realm,
    ) as Call
    expect(call.args).toEqual([data, [data]])
    expect(call.args[0]).toBe(data)
    expect(() =>
      unpackCall(
        packCall(() => 0, [new Reference('nowhere')]),
        realm,
      ),
    ).toThrow('nowhere is not defined')
    expect(() => unpackCall(packCall(new Reference('data'), []), realm)).toThrow('data is not a function')
  })

  it('name the operations of the realm, and no others', () => {
    const push = (): void => {}
    const realm = engineRealm({}, { push })
    const call = unpackCall(packCall(new Operation('push'), [{ a: 1 }]), realm) as Call
    expect(call).toEqual({ callee: push, args: [{ a: 1 }], operation: 'push' })
    expect(() => unpackCall(packCall(new Operation('eval'), []), realm)).toThrow(RemoteProtocolError)
  })

  it('never begin as a pickle does', () => {
    for (const frames of [packCall(() => 0, []), packValue(1), packCall(new Operation('pull'), [])])
      expect(frames[0]![0]).not.toBe(0x80)
  })

  it('work while a getter packs something itself', () => {
    const value = {
      get inner(): number {
        return packValue('inner').length
      },
    }
    expect(unpackValue(packValue([value, 2]), engineRealm())).toEqual([{ inner: 1 }, 2])
  })
})

describe('splitPayloads', () => {
  it('cuts the buffers of a coalesced reply', () => {
    const parts = [packValue(1), packValue(new Float64Array(500)), packValue('x')]
    const split = splitPayloads(parts.flat())
    expect(split.map(frames => frames.length)).toEqual([1, 2, 1])
    expect(unpackValue(split[2]!, nodeRealm)).toBe('x')
    expect(() => splitPayloads(packValue(new Float64Array(500)).slice(0, 1))).toThrow(RemoteProtocolError)
  })
})

/** Whatever the bytes are, reading them gives a value or a RemoteProtocolError, and never runs or sets anything. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RemoteProtocolError } from '../../../../src/errors.ts'
import {
  packPythonValue,
  unpackPythonCall,
  unpackPythonValue,
} from '../../../../src/serialize/pickle/python-call.ts'
import { cannedFunctions, pickleRequests, pickleResults } from '../../../support/wire-samples.ts'

const SAMPLES = [
  ...pickleResults().map(({ buffers }) => buffers),
  ...cannedFunctions().map(([, pickle]) => [pickle]),
  ...pickleRequests().map(({ reply }) => reply),
].filter(buffers => buffers.length > 0)

const before = Object.getOwnPropertyNames(Object.prototype).length

function check(read: () => unknown): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error
  }
  expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(before)
}

describe('unpackPythonValue, given anything', () => {
  it('survives bytes of no meaning', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 3 }), frames => {
        const buffers = frames.map(frame => Buffer.from(frame))
        check(() => unpackPythonValue(buffers))
        check(() => unpackPythonCall(buffers, {}))
      }),
      { numRuns: 4_000 },
    )
  })

  it('survives real pickles with changed, missing and repeated bytes', () => {
    const change = fc.record({
      sample: fc.nat(SAMPLES.length - 1),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      byte: fc.nat(255),
      kind: fc.constantFrom('set', 'cut', 'insert'),
    })
    fc.assert(
      fc.property(change, ({ sample, at, byte, kind }) => {
        const [pickle, ...rest] = SAMPLES[sample]!
        const index = Math.floor(at * (pickle!.length - 1))
        const changed =
          kind === 'cut'
            ? pickle!.subarray(0, index)
            : Buffer.concat([
                pickle!.subarray(0, index),
                Buffer.from([byte]),
                pickle!.subarray(index + (kind === 'set' ? 1 : 0)),
              ])
        check(() => unpackPythonValue([changed, ...rest]))
      }),
      { numRuns: 4_000 },
    )
  })

  it.each([
    ['nothing', ''],
    ['no STOP', '80044e'],
    ['an unknown opcode', '8004ff2e'],
    ['a newer protocol', '80064e2e'],
    ['a stack that does not come out even', '80044e4e2e'],
    ['a mark that is left', '8004284e2e'],
    ['a frame longer than the pickle', '800495ffffffffffffffff4e2e'],
    ['a text longer than the pickle', '8004587fffffff2e'],
    ['a memo that was never filled', '800468052e'],
    ['an extension code', '800482012e'],
    ['a persistent id', '80044e512e'],
    ['text that is not UTF-8', '80048c02fffe2e'],
  ])('refuses %s', (_, hex) => {
    expect(() => unpackPythonValue([Buffer.from(hex, 'hex')])).toThrow(RemoteProtocolError)
  })

  it('refuses what is nested deeper than the stack', () => {
    const deep = Buffer.concat([Buffer.alloc(200_000, 0x5d), Buffer.alloc(199_999, 0x61), Buffer.from('.')])
    expect(() => unpackPythonValue([deep])).toThrow(RemoteProtocolError)
  })

  it('refuses a shape that its bytes do not fill, and makes no more of a range than it can hold', () => {
    const [array] = packPythonValue(Int32Array.of(1, 2))
    // Its shape says (2,): say (127,) instead.
    const larger = array!.toString('hex').replace('7368617065284b02', '7368617065284b7f')
    expect(larger).not.toBe(array!.toString('hex'))
    expect(() => unpackPythonValue([Buffer.from(larger, 'hex')])).toThrow(/more or fewer bytes/)
    const range = Buffer.from('80048c086275696c74696e738c0572616e6765938a0500e87648178552' + '2e', 'hex')
    expect(String(unpackPythonValue([range]))).toBe('range(100000000000)')
  })
})

import { describe, expect, it } from 'vitest'
import { packError, unpackError } from '../../../src/serialize/payload.ts'

function throughWire(thrown: unknown): ReturnType<typeof unpackError> {
  const { frames, ...content } = packError(thrown)
  return unpackError(content, frames)
}

describe('packError and unpackError', () => {
  it('keep class, message, code, cause and properties', () => {
    const error = Object.assign(new TypeError('bad', { cause: new Error('deep') }), {
      code: 'E_BAD',
      extra: [1],
    })
    const back = throughWire(error)
    expect(back).toMatchObject({ ename: 'TypeError', evalue: 'bad' })
    expect(back.cause).toEqual(new Error('deep'))
    expect(back.original).toMatchObject({ code: 'E_BAD', extra: [1] })
  })

  it('keep the parts of an AggregateError', () => {
    const { original } = throughWire(new AggregateError([new Error('a'), new Error('b')]))
    expect((original as AggregateError).errors.map(each => (each as Error).message)).toEqual(['a', 'b'])
  })

  it.each<[unknown, string, string]>([
    ['text', 'Error', 'text'],
    [undefined, 'Error', 'undefined'],
    [null, 'Error', 'null'],
    [42, 'Error', '42'],
    [Symbol('s'), 'Error', 'Symbol(s)'],
    [{ message: 'like one' }, 'Object', 'like one'],
    [Object.create(null), 'Error', 'something was thrown that cannot be shown'],
  ])('tell of %o', (thrown, ename, evalue) => {
    expect(throughWire(thrown)).toMatchObject({ ename, evalue, traceback: '' })
  })

  it('cut frames of this package and of node out of the traceback', () => {
    const error = new Error('x')
    error.stack = [
      'Error: x',
      '    at simulate (file:///home/me/study.ts:3:4)',
      `    at call (${new URL('../../../src/engine/evaluator.ts', import.meta.url).href}:1:1)`,
      '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
    ].join('\n')
    expect(packError(error).traceback).toEqual(['Error: x', '    at simulate (file:///home/me/study.ts:3:4)'])
  })

  it('never throw', () => {
    const hostile = new Error('x')
    Object.defineProperty(hostile, 'stack', {
      get: () => {
        throw new Error('no')
      },
    })
    Object.defineProperty(hostile, 'message', {
      get: () => {
        throw new Error('no')
      },
    })
    expect(packError(hostile).ename).toBe('Error')
    const proxy = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
        getPrototypeOf: () => {
          throw new Error('no')
        },
      },
    )
    expect(packError(proxy).evalue).toContain('cannot be shown')
    expect(unpackError({ ename: 'E', evalue: 'v', traceback: [] }, [Buffer.from('garbage')])).toEqual({
      ename: 'E',
      evalue: 'v',
      traceback: '',
    })
  })
})

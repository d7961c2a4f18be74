import { describe, expect, it } from 'vitest'
import { parseEngineCount, parseInteger, parseLogLevel, parseNumber } from '../../../src/cli/options.ts'
import { assignPorts, parsePorts } from '../../../src/cli/ports.ts'
import { UsageError } from '../../../src/errors.ts'

describe('parseLogLevel', () => {
  it.each([
    ['debug', 'debug'],
    ['INFO', 'info'],
    ['10', 'debug'],
    ['20', 'info'],
    ['30', 'warn'],
    ['50', 'error'],
    ['0', 'debug'],
    ['critical', 'error'],
  ])('reads %s', (text, level) => {
    expect(parseLogLevel(text)).toBe(level)
  })

  it.each(['', 'loud', '1x'])('refuses %j', text => {
    expect(() => parseLogLevel(text)).toThrow(UsageError)
  })
})

describe('parseEngineCount', () => {
  it('reads whole numbers from 1', () => {
    expect(parseEngineCount('4')).toBe(4)
  })

  it.each(['0', '-1', '1.5', '', 'four', '1e3', '99999999999999999999'])('refuses %j', text => {
    expect(() => parseEngineCount(text)).toThrow(UsageError)
  })
})

describe('parseNumber and parseInteger', () => {
  it('keep to their bounds, and name the option', () => {
    expect(parseNumber('timeout', 0)('1.5')).toBe(1.5)
    expect(() => parseNumber('timeout', 0)('-1')).toThrow('--timeout=-1: give a number from 0 up')
    expect(() => parseNumber('timeout', 0)('')).toThrow(UsageError)
    expect(parseInteger('port', 1, 65_535)('80')).toBe(80)
    expect(() => parseInteger('port', 1, 65_535)('65536')).toThrow(
      '--port=65536: give a number from 1 to 65535',
    )
    expect(() => parseInteger('port', 1)('1.5')).toThrow('whole number')
  })
})

describe('parsePorts', () => {
  it('reads ranges and lists, each port once', () => {
    expect(parsePorts('10-12')).toEqual([10, 11, 12])
    expect(parsePorts('10, 12-13,12')).toEqual([10, 12, 13])
  })

  it.each(['', 'x', '0', '5-4', '1-70000', '1-', '1,,2'])('refuses %j', text => {
    expect(() => parsePorts(text)).toThrow(UsageError)
  })

  it('are given to the sockets in order', () => {
    const ports = Object.values(assignPorts('20001-20020'))
    expect(ports[0]).toBe(20_001)
    expect(new Set(ports).size).toBe(ports.length)
  })
})

import { afterEach, describe, expect, it, vi } from 'vitest'
import { ConfigurationError } from '../../../src/errors.ts'
import { loadLibrary } from '../../../src/mpi/library.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.doUnmock('node:module')
  vi.resetModules()
})

describe('loadLibrary', () => {
  it('says what to install when there is no MPI library', () => {
    vi.stubEnv('ITSPARALLEL_MPI_LIBRARY', '/nowhere/libmpi.so')
    expect(() => loadLibrary()).toThrow(ConfigurationError)
    expect(() => loadLibrary()).toThrow(
      /no MPI library could be loaded \(tried \/nowhere\/libmpi\.so\): install one/,
    )
  })

  it('says what to install when koffi is missing', async () => {
    vi.resetModules()
    vi.doMock('node:module', async original => ({
      ...(await original<typeof import('node:module')>()),
      createRequire: () => () => {
        throw new Error("Cannot find module 'koffi'")
      },
    }))
    const { loadLibrary: load } = await import('../../../src/mpi/library.ts')
    expect(() => load()).toThrow(/needs the package koffi.*npm install koffi/)
  })
})

import { defineConfig } from 'vitest/config'
import { ClosingLine } from './test/support/closing-line.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Processes, not threads: tests start clusters, send signals and read exit codes.
    pool: 'forks',
    // Two cores: more files at once would only make each other's clusters wait.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    retry: 0,
    reporters: ['default', new ClosingLine()],
  },
})

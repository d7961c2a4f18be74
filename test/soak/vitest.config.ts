import { defineConfig } from 'vitest/config'

/** What takes long, and is run at night: `npm run test:soak`. */
export default defineConfig({
  test: {
    include: ['test/soak/**/*.soak.ts'],
    pool: 'forks',
    // One at a time: they measure memory, and each has all of the machine.
    maxWorkers: 1,
    execArgv: ['--expose-gc'],
    retry: 0,
  },
})

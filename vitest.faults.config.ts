import { defineConfig } from 'vitest/config'

/** The fault harness against the built programs: `npm run test:faults`; see test/faults/harness/README.md. */
export default defineConfig({
  test: {
    include: ['test/faults/harness/**/*.faults.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 180_000,
  },
})

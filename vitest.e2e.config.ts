import { defineConfig } from 'vitest/config'

/** The built command as a person runs it: `npm run test:e2e`; needs `npm run build` before. */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A story: each step stands on the one before.
    bail: 1,
  },
})

import { defineConfig } from 'vitest/config'

/** Black-box suites against a running broker: `npm run test:wire`; see test/wire/README.md. */
export default defineConfig({
  test: {
    include: ['test/{wire,interop}/**/*.test.ts'],
    // Somebody else's suites: only where a checkout of them is named.
    exclude: process.env.PAHO_TESTING === undefined ? ['test/interop/paho-suites.test.ts'] : [],
    globalSetup: ['test/support/wire/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Cases mostly wait for the broker, so many run side by side.
    maxConcurrency: 60,
    testTimeout: 30_000,
  },
})

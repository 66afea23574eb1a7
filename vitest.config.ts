import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['kefu-source'] },
  ssr: { resolve: { conditions: ['kefu-source'], externalConditions: ['kefu-source', 'node'] } },
  test: {
    include: ['test/{unit,contracts,flows,faults}/**/*.test.ts'],
    globalSetup: ['test/support/learnt-models-folder.ts'],
    pool: 'forks',
    testTimeout: 20_000,
  },
})

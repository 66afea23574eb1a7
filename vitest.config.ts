import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['kefu-source'] },
  ssr: { resolve: { conditions: ['kefu-source'], externalConditions: ['kefu-source', 'node'] } },
  test: {
    include: ['test/{unit,contracts,flows,faults}/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 20_000,
  },
})

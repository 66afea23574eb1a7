import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['kefu-source'] },
  ssr: { resolve: { conditions: ['kefu-source'], externalConditions: ['kefu-source', 'node'] } },
  test: {
    include: ['test/{unit,contracts,flows,faults}/**/*.test.ts'],
    globalSetup: ['test/support/learnt-models-folder.ts'],
    pool: 'forks',
    // Left alone, a run keeps one core for itself: of two cores half the time was spent waiting.
    maxWorkers: '100%',
    testTimeout: 20_000,
    // What a file became, by a hash of its content: half of the time of a run of one file.
    experimental: { fsModuleCache: true },
  },
})

import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['kefu-source'] },
  ssr: { resolve: { conditions: ['kefu-source'], externalConditions: ['kefu-source', 'node'] } },
  test: {
    include: ['test/{unit,contracts,flows,faults}/**/*.test.ts'],
    globalSetup: ['test/support/learnt-models-folder.ts'],
    pool: 'forks',
    // A test waits as long as it works. Left alone, vitest leaves one core of two idle.
    maxWorkers: availableParallelism() + 1,
    testTimeout: 20_000,
    // What a file became, by a hash of its content: half of the time of a run of one file.
    experimental: { fsModuleCache: true },
  },
})

import { describe, expect, it } from 'vitest'
import { createMemoryRest, loadCollector } from '../../../gateway/memory-rest.ts'

const MB = 1024 * 1024

/** A process whose heap and work a test sets. */
function createProcess(heapTotal: number, afterCollection: number) {
  const state = { busyShare: 0, heapTotal: heapTotal * MB, heapUsed: 20 * MB, collections: 0 }
  const rest = createMemoryRest({
    busyShare: () => state.busyShare,
    heap: () => state,
    collect() {
      state.collections++
      state.heapTotal = afterCollection * MB
    },
  })
  return { state, rest }
}

describe('a box that rests', () => {
  it('gives back what its start took, once', () => {
    const { state, rest } = createProcess(41, 23)
    expect(rest.look()).toBe(true)
    for (let look = 0; look < 5; look++) expect(rest.look()).toBe(false)
    state.heapTotal = 60 * MB
    expect(rest.look()).toBe(true)
  })

  it('does not stop while it works', () => {
    const { state, rest } = createProcess(41, 23)
    state.busyShare = 0.1
    expect(rest.look()).toBe(false)
    state.busyShare = 0.01
    expect(rest.look()).toBe(true)
  })

  it('does not try again for what could not be given back', () => {
    const { state, rest } = createProcess(60, 58)
    for (let look = 0; look < 5; look++) rest.look()
    expect(state.collections).toBe(1)
  })

  it('has a collector that collects', async () => {
    const collect = loadCollector()
    const gone = new WeakRef({})
    // A target that was looked at lives to the end of the job.
    await new Promise(setImmediate)
    collect()
    expect(gone.deref()).toBeUndefined()
  })
})

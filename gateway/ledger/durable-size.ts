/**
 * How many leaves are on disk. An entry of the open transaction must not travel: were the transaction
 * lost, the core would know an entry that the box does not, under a sequence that is used again.
 */
import type { Store } from '../storage/store.ts'

export interface DurableSize {
  /** The tree grew to `size` in the open transaction. */
  grew(size: number): void
  value(): number
  /** Called after the size on disk grew; returns the way to stop. */
  onGrowth(listener: () => void): () => void
}

/** `storedSize` reads the size from the tables, open transaction included. */
export function trackDurableSize(store: Store, storedSize: () => number): DurableSize {
  let known = storedSize()
  const inFlight = new Set<{ size: number }>()
  const listeners = new Set<() => void>()

  store.onRollback(() => {
    const left = storedSize()
    for (const growth of inFlight) growth.size = Math.min(growth.size, left)
  })

  return {
    grew: (size) => {
      const growth = { size }
      inFlight.add(growth)
      store.durable().then(
        () => {
          inFlight.delete(growth)
          if (growth.size <= known) return
          known = growth.size
          for (const listener of listeners) listener()
        },
        () => inFlight.delete(growth),
      )
    },
    value: () => known,
    onGrowth: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

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
  /** Of the open transaction. */
  let growing: { size: number } | undefined
  const listeners = new Set<() => void>()

  store.onRollback(() => {
    if (growing) growing.size = Math.min(growing.size, storedSize())
  })

  function settle(growth: { readonly size: number }): void {
    if (growing === growth) growing = undefined
    if (growth.size <= known) return
    known = growth.size
    for (const listener of listeners) listener()
  }

  return {
    grew: (size) => {
      if (growing) {
        growing.size = size
        return
      }
      const growth = { size }
      growing = growth
      store.durable().then(
        () => settle(growth),
        () => {
          if (growing === growth) growing = undefined
        },
      )
    },
    value: () => known,
    onGrowth: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

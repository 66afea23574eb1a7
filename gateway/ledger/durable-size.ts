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
  /** Of the open transaction; undefined where it has none. */
  let growing: number | undefined
  const listeners = new Set<() => void>()

  store.onRollback(() => {
    if (growing !== undefined) growing = Math.min(growing, storedSize())
  })
  store.onCommit(() => {
    const size = growing ?? known
    growing = undefined
    if (size <= known) return
    known = size
    // After those whose entries they are.
    queueMicrotask(() => {
      for (const listener of listeners) listener()
    })
  })

  return {
    grew: (size) => {
      growing = size
    },
    value: () => known,
    onGrowth: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

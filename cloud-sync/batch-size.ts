/** How large the next batch of a lane may be: what the link carries in time. */
import { MAX_BATCH_ENTRIES } from './protocol/limits.ts'
import type { BatchHead } from './push-batch.ts'

/** Bytes of entries in one batch; a slow link gets less. */
export const MAX_BATCH_BYTES = 1024 * 1024
/** A batch should be answered within this: it is what a critical entry may wait behind on a thin link. */
const TARGET_MS = 400
const FIRST_ENTRIES = 500
/**
 * Where batches pass at this rate, one read while the other travels, larger ones bring nothing but longer
 * bursts at both ends, and whoever shares their cores waits behind those.
 */
const FAST_PER_SECOND = 20_000
/** Batches until a size that a proxy refused is tried again: its limit may have been raised meanwhile. */
const BATCHES_BELOW_LIMIT = 200

/** How much the next batch of a lane may hold, learned from how long the last one took. */
export interface BatchSize {
  current(): { readonly entries: number; readonly bytes: number }
  answered(batch: BatchHead, tookMs: number): void
  /** The batch timed out or was refused as a whole: half of it next. False at one entry. */
  halve(batch: BatchHead): boolean
  /** As `halve`, where the size itself was refused: grows again only after many batches. */
  tooLarge(batch: BatchHead): boolean
}

export function createBatchSize(
  maxEntries = MAX_BATCH_ENTRIES,
  maxBytes = MAX_BATCH_BYTES,
): BatchSize {
  let entries = Math.min(FIRST_ENTRIES, maxEntries)
  let bytes = Math.min(256 * 1024, maxBytes)
  let belowLimit = 0

  function halve(batch: BatchHead): boolean {
    if (batch.count <= 1) return false
    entries = Math.max(1, Math.floor(batch.count / 2))
    bytes = Math.max(4096, Math.floor(batch.bytes / 2))
    return true
  }

  return {
    current: () => ({ entries, bytes }),
    answered(batch, tookMs) {
      const isFast = (batch.count * 1000) / tookMs >= FAST_PER_SECOND
      const grow = tookMs < TARGET_MS / 2 && !isFast ? 2 : tookMs > TARGET_MS * 2 ? 0.5 : 1
      if (grow > 1 && !batch.isBacklog) return
      if (grow > 1 && belowLimit > 0) {
        belowLimit -= 1
        return
      }
      entries = Math.max(1, Math.min(maxEntries, Math.ceil(entries * grow)))
      bytes = Math.max(4096, Math.min(maxBytes, Math.ceil(bytes * grow)))
    },
    halve,
    tooLarge(batch) {
      belowLimit = BATCHES_BELOW_LIMIT
      return halve(batch)
    },
  }
}

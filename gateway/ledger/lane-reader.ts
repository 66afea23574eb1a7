/** Reads what of a lane waits for the core; on any connection to the database. */
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import { positionOf } from './lanes.ts'
import type { Lane, SourceEntry } from './port.ts'
import { type Epoch, epochOf } from './settings.ts'

export interface LaneSlice {
  readonly lane: Lane
  /** Entries after this sequence, up to that one, */
  readonly after: number
  readonly upTo: number
  /** of leaves below this index: those that are on disk. */
  readonly below: number
  readonly maxEntries: number
  readonly maxBytes: number
}

export type LaneReader = (slice: LaneSlice, epochs: readonly Epoch[]) => readonly SourceEntry[]

/** All of one epoch; at least one entry if there is one, however small `maxBytes` is. */
export function createLaneReader(
  store: Store,
  disclose: (bytes: Uint8Array) => Uint8Array | undefined,
): LaneReader {
  const page = store.prepare<{ idx: number; pos: number; bytes: Uint8Array }>(
    `SELECT idx, pos, bytes FROM ledger_entry
     WHERE pos > ? AND pos <= ? AND idx < ?
       AND NOT EXISTS (SELECT 1 FROM ledger_quarantine q WHERE q.pos = ledger_entry.pos)
     ORDER BY pos LIMIT ?`,
  )
  return ({ lane, after, upTo, below, maxEntries, maxBytes }, epochs) => {
    const start = positionOf(lane, 0)
    const batch: SourceEntry[] = []
    let bytes = 0
    for (const row of page.iterate(start + after, start + upTo, below, Math.max(1, maxEntries))) {
      const epoch = epochOf(epochs, row.idx)?.id
      if (epoch === undefined) throw new GatewayError('ledger.corrupt', { detail: 'no epoch' })
      bytes += row.bytes.length
      if (batch.length > 0 && (bytes > maxBytes || batch[0]?.epoch !== epoch)) break
      const disclosed = disclose(row.bytes)
      batch.push({
        epoch,
        sequence: row.pos - start,
        index: row.idx,
        bytes: row.bytes,
        ...(disclosed ? { disclosed } : {}),
      })
    }
    return batch
  }
}

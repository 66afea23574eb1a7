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
  // One row for the whole slice: a Buffer for each entry would be most of the work of reading it, and what
  // V8's helper thread then collects is taken from whoever asks.
  const page = store.prepare<Page>(
    `SELECT json_group_array(idx) AS indexes, json_group_array(pos) AS positions,
            json_group_array(size) AS sizes, CAST(group_concat(bytes, '') AS BLOB) AS bytes
     FROM (SELECT idx, pos, length(bytes) AS size, bytes FROM ledger_entry
           WHERE pos > ? AND pos <= ? AND idx < ?
             AND NOT EXISTS (SELECT 1 FROM ledger_quarantine q WHERE q.pos = ledger_entry.pos)
           ORDER BY pos LIMIT ?)`,
  )
  return ({ lane, after, upTo, below, maxEntries, maxBytes }, epochs) => {
    // The pushers look after each transaction, and most of them left their lane as it was.
    if (after >= upTo) return []
    const start = positionOf(lane, 0)
    const rows = rowsOf(page.get(start + after, start + upTo, below, Math.max(1, maxEntries)))
    const batch: SourceEntry[] = []
    let bytes = 0
    for (const row of rows) {
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

/** Entries side by side: three arrays in JSON, and the bytes of all, one after the other. */
interface Page {
  readonly indexes: string
  readonly positions: string
  readonly sizes: string
  readonly bytes: Buffer | null
}

function* rowsOf(page: Page | undefined) {
  if (!page?.bytes) return
  const indexes = JSON.parse(page.indexes) as number[]
  const positions = JSON.parse(page.positions) as number[]
  const sizes = JSON.parse(page.sizes) as number[]
  let at = 0
  for (const [n, size] of sizes.entries()) {
    const bytes = page.bytes.subarray(at, at + size)
    at += size
    yield { idx: indexes[n] as number, pos: positions[n] as number, bytes }
  }
}

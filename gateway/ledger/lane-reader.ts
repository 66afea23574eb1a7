/** Reads what of a lane waits for the core; on any connection to the database. */
import type { SourceEntry } from '@kefu-edge/cloud-sync/ports'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import type { EpochOnTheWay } from './forks.ts'
import { positionOf } from './lanes.ts'
import type { Lane } from './port.ts'

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

/** What waits of a range of positions: after, up to, below an index, at most so many. */
const WAITING = `FROM ledger_entry WHERE pos > ? AND pos <= ? AND idx < ?
  AND NOT EXISTS (SELECT 1 FROM ledger_quarantine q WHERE q.pos = ledger_entry.pos)
  ORDER BY pos LIMIT ?`

export type LaneReader = (slice: LaneSlice, epochOf: EpochOnTheWay) => readonly SourceEntry[]

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
     FROM (SELECT idx, pos, length(bytes) AS size, bytes ${WAITING})`,
  )
  const rowLimit = createRowLimit(store)
  return ({ lane, after, upTo, below, maxEntries, maxBytes }, epochOf) => {
    // The pushers look after each transaction, and most of them left their lane as it was.
    if (after >= upTo) return []
    const start = positionOf(lane, 0)
    const range = { from: start + after, to: start + upTo, below }
    const rows = rowsOf(
      page.get(range.from, range.to, below, rowLimit(range, Math.max(1, maxEntries), maxBytes)),
    )
    const batch: SourceEntry[] = []
    let bytes = 0
    for (const row of rows) {
      const sequence = row.pos - start
      const epoch = epochOf(lane, sequence, row.idx)
      if (epoch === undefined) throw new GatewayError('ledger.corrupt', { detail: 'no epoch' })
      bytes += row.bytes.length
      if (batch.length > 0 && (bytes > maxBytes || batch[0]?.epoch !== epoch)) break
      const disclosed = disclose(row.bytes)
      batch.push({
        epoch,
        sequence,
        index: row.idx,
        bytes: row.bytes,
        ...(disclosed ? { disclosed } : {}),
      })
    }
    return batch
  }
}

interface Range {
  readonly from: number
  readonly to: number
  readonly below: number
}

/**
 * How many rows may be read at once: 64 of the largest would be 4 MB, 10 ms in one stretch. Adding the sizes
 * up costs a quarter of reading, so that it is done only where a large entry comes soon: else all that is
 * asked for is small, 8 KB each at most, but for one more large one for each entry in quarantine.
 */
function createRowLimit(store: Store) {
  const soon = store.prepare<unknown>(
    'SELECT 1 FROM ledger_entry WHERE length(bytes) > 8192 AND pos > ? AND pos <= ? LIMIT 1',
  )
  const fitting = store.prepare<{ readonly rows: number }>(
    `SELECT count(*) AS rows FROM (
       SELECT sum(size) OVER (ORDER BY pos) AS total FROM (SELECT pos, length(bytes) AS size ${WAITING})
     ) WHERE total <= ?`,
  )
  return ({ from, to, below }: Range, maxEntries: number, maxBytes: number): number => {
    if (soon.get(from, Math.min(to, from + maxEntries)) === undefined) return maxEntries
    return Math.max(1, fitting.get(from, to, below, maxEntries, maxBytes)?.rows ?? 1)
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

/**
 * What a verification looks at, wherever it lies: the database of the box or an export far away from
 * it. Both hand out the record segment by segment (256 entries, one tile) in leaf order.
 */
import type { Store } from '../storage/store.ts'
import { LANES } from './port.ts'
import {
  type AskSeed,
  askSeedFrom,
  type Epoch,
  readEpochs,
  readSetting,
  readText,
} from './settings.ts'
import { HASH_BYTES } from './tlog/merkle.ts'
import { TILE_WIDTH } from './tlog/tiles.ts'
import { tileId, treeSize } from './tree.ts'

/** One entry as it lies there; `row` is what the database says of it beside its bytes. */
export interface StoredEntry {
  readonly bytes: Uint8Array
  readonly row?: { readonly pos: number; readonly ask: number | null; readonly hash: Uint8Array }
}

export interface Segment {
  readonly index: number
  /** Undefined where the entry is not there: removed by retention, or lost. */
  readonly entries: readonly (StoredEntry | undefined)[]
  /** Leaf hashes kept apart from the entries. */
  readonly hashes?: Uint8Array
  /** Root of the full tile as the database has it. */
  readonly root?: Uint8Array
}

export interface LaneClaim {
  readonly lane: string
  readonly settled: number
  readonly delivered: number
  readonly expired: number
  readonly quarantined: number
  /** Highest sequence whose entry was removed with its segment. */
  readonly removed: number
}

export interface Evidence {
  readonly gatewayId: string | undefined
  readonly size: number
  readonly epochs: readonly Epoch[]
  segments(): Iterable<Segment>
  checkpoints(): Iterable<{ readonly size: number; readonly note: string }>
  /** Only the database: counters of the lanes, the ask index, and what SQLite finds wrong itself. */
  readonly database?: {
    readonly askSeed: AskSeed | undefined
    readonly lanes: readonly LaneClaim[]
    integrityErrors(): readonly string[]
  }
}

/** SQLite names at most this many faults; one is enough to fail, a page of them to see what happened. */
const MAX_INTEGRITY_ERRORS = 20

/**
 * The record in the database. Call within one read transaction (`readConsistently`) where a gateway
 * may be writing.
 */
export function databaseEvidence(store: Store): Evidence {
  const size = treeSize(store)
  const seed = readSetting(store, 'ask-seed')
  return {
    gatewayId: readText(store, 'gateway-id'),
    size,
    epochs: readEpochs(store),
    segments: () => segmentsOf(store, size),
    checkpoints: () => checkpointsOf(store),
    database: {
      askSeed: seed && askSeedFrom(seed),
      lanes: store
        .prepare<Omit<LaneClaim, 'lane'> & { lane: number }>('SELECT * FROM ledger_lane')
        .all()
        .map((row) => ({ ...row, lane: LANES[row.lane] ?? String(row.lane) })),
      integrityErrors: () =>
        store
          .prepare<{ integrity_check: string }>(`PRAGMA integrity_check(${MAX_INTEGRITY_ERRORS})`)
          .all()
          .map((row) => row.integrity_check)
          .filter((line) => line !== 'ok'),
    },
  }
}

/** Runs `read` on one snapshot of the database, however much a running gateway writes meanwhile. */
export function readConsistently<T>(store: Store, read: () => T): T {
  store.prepare('BEGIN').run()
  try {
    return read()
  } finally {
    store.prepare('COMMIT').run()
  }
}

function* checkpointsOf(store: Store): Generator<{ size: number; note: string }> {
  const page = store.prepare<{ size: number; note: string }>(
    'SELECT size, note FROM ledger_checkpoint WHERE size > ? ORDER BY size LIMIT 500',
  )
  for (let after = -1; ; ) {
    const rows = page.all(after)
    yield* rows
    const last = rows.at(-1)
    if (!last) return
    after = last.size
  }
}

function* segmentsOf(store: Store, size: number): Generator<Segment> {
  const rows = store.prepare<{
    idx: number
    pos: number
    ask: number | null
    hash: Uint8Array
    bytes: Uint8Array
  }>('SELECT idx, pos, ask, hash, bytes FROM ledger_entry WHERE idx >= ? AND idx < ? ORDER BY idx')
  const tile = store.prepare<{ root: Uint8Array; hashes: Uint8Array | null }>(
    'SELECT root, hashes FROM ledger_tile WHERE id = ?',
  )
  for (let index = 0; index * TILE_WIDTH < size; index++) {
    const first = index * TILE_WIDTH
    const width = Math.min(TILE_WIDTH, size - first)
    const entries = new Array<StoredEntry | undefined>(width).fill(undefined)
    for (const { idx, pos, ask, hash, bytes } of rows.all(first, first + width)) {
      entries[idx - first] = { bytes, row: { pos, ask, hash } }
    }
    const kept = tile.get(tileId(0, index))
    const hasHashes = kept?.hashes?.length === width * HASH_BYTES
    yield {
      index,
      entries,
      ...(kept ? { root: kept.root } : {}),
      ...(kept?.hashes && hasHashes ? { hashes: kept.hashes } : {}),
    }
  }
}

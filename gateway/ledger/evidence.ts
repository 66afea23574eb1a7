/**
 * What a verification looks at, wherever it lies: the database of the box or an export far away from
 * it. Both hand out the record segment by segment (256 entries, one tile) in leaf order.
 */
import type { Store } from '../storage/store.ts'
import { type KeyEvidence, keyEvidence } from './evidence-keys.ts'
import { positionOf } from './lanes.ts'
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
  /** Leaf hashes kept apart from the entries; absent where they are not as many as the leaves. */
  readonly hashes?: Uint8Array
  /** There is something in their place that is no such hashes. */
  readonly hasOtherHashes?: boolean
}

export interface StoredCheckpoint {
  readonly size: number
  readonly note: string
  /** When the database says it was made, beside the note. */
  readonly atMs?: number
}

export interface LaneClaim {
  readonly lane: string
  readonly settled: number
  readonly delivered: number
  readonly expired: number
  readonly quarantined: number
  /** Highest sequence whose entry was removed with its segment. */
  readonly removed: number
  /** Entries set aside, counted one by one: all, and those below `settled`. */
  readonly setAside: number
  readonly setAsideBelow: number
}

export interface Evidence {
  readonly gatewayId: string | undefined
  readonly size: number
  readonly epochs: readonly Epoch[]
  segments(): Iterable<Segment>
  checkpoints(): Iterable<StoredCheckpoint>
  /** Root of a full tile as it is kept beside the tile's own hashes. */
  tileRoot(level: number, index: number): Uint8Array | undefined
  /** Only an export: what its other files should say and do not. */
  readonly flaws?: readonly string[]
  /** Only the database: counters of the lanes, data keys, the ask index, and what SQLite finds wrong itself. */
  readonly database?: {
    readonly askSeed: AskSeed | undefined
    readonly lanes: readonly LaneClaim[]
    readonly keys: KeyEvidence
    /** Rows of epochs in the order of the record: their number, and when they say they were opened. */
    readonly epochRows: readonly {
      readonly n: number
      readonly id: string
      readonly atMs: number
    }[]
    /** Rows of full tiles, of every level. */
    readonly tiles: number
    /** Rows at places that no record of so many rows can have. */
    readonly strays: number
    integrityErrors(): readonly string[]
  }
}

type LaneRow = Omit<LaneClaim, 'lane' | 'setAside' | 'setAsideBelow'> & { readonly lane: number }
/** A lane of which nothing has left yet has no row. */
const NO_ROW = { settled: 0, delivered: 0, expired: 0, quarantined: 0, removed: 0 }
/** Far beyond any, and below the next lane. */
const MAX_SEQUENCE = 2 ** 49

/** SQLite names at most this many faults; one is enough to fail, a page of them to see what happened. */
const MAX_INTEGRITY_ERRORS = 20

/**
 * The record in the database. Call within one read transaction (`readConsistently`) where a gateway
 * may be writing.
 */
export function databaseEvidence(store: Store): Evidence {
  const { size, tiles, strays } = measure(store)
  const tileRoot = store.prepare<{ root: Uint8Array }>('SELECT root FROM ledger_tile WHERE id = ?')
  const seed = readSetting(store, 'ask-seed')
  return {
    gatewayId: readText(store, 'gateway-id'),
    size,
    epochs: readEpochs(store),
    segments: () => segmentsOf(store, size),
    checkpoints: () => checkpointsOf(store),
    tileRoot: (level, index) => tileRoot.get(tileId(level, index))?.root,
    database: {
      askSeed: seed && askSeedFrom(seed),
      tiles,
      strays,
      lanes: claimsOf(store),
      keys: keyEvidence(store),
      epochRows: store
        .prepare<{ n: number; id: string; atMs: number }>(
          'SELECT n, id, opened_at AS atMs FROM ledger_epoch ORDER BY first_index',
        )
        .all(),
      integrityErrors: () =>
        store
          .prepare<{ integrity_check: string }>(`PRAGMA integrity_check(${MAX_INTEGRITY_ERRORS})`)
          .all()
          .map((row) => row.integrity_check)
          .filter((line) => line !== 'ok'),
    },
  }
}

/** Lanes that have a row, or entries that were set aside. */
function claimsOf(store: Store): readonly LaneClaim[] {
  const rows = store.prepare<LaneRow>('SELECT * FROM ledger_lane').all()
  const countAside = store.prepare<{ n: number }>(
    'SELECT count(*) AS n FROM ledger_quarantine WHERE pos > ? AND pos <= ?',
  )
  return LANES.map((lane, number) => {
    const row = rows.find((one) => one.lane === number) ?? NO_ROW
    const { settled, delivered, expired, quarantined, removed } = row
    const aside = (upTo: number) =>
      countAside.get(positionOf(lane, 0), positionOf(lane, upTo))?.n ?? 0
    const counted = { setAside: aside(MAX_SEQUENCE), setAsideBelow: aside(settled) }
    return { lane, settled, delivered, expired, quarantined, removed, ...counted }
  })
}

/**
 * How long the record is. One flipped bit may put a row at place 2^40: so many places are not looked
 * through, since so many rows are not there.
 */
function measure(store: Store): { size: number; tiles: number; strays: number } {
  const one = (sql: string, ...params: number[]) =>
    store.prepare<{ n: number | null }>(sql).get(...params)?.n ?? 0
  const entries = one('SELECT count(*) AS n FROM ledger_entry')
  const fullTiles = one('SELECT count(*) AS n FROM ledger_tile WHERE id < ?', tileId(1, 0))
  const strayLanes = one(
    'SELECT count(*) AS n FROM ledger_lane WHERE lane NOT BETWEEN 0 AND ?',
    LANES.length - 1,
  )
  const most = entries + fullTiles * TILE_WIDTH
  if (treeSize(store) <= most) {
    return {
      size: treeSize(store),
      tiles: one('SELECT count(*) AS n FROM ledger_tile'),
      strays: strayLanes,
    }
  }
  const last = one('SELECT max(idx) AS n FROM ledger_entry WHERE idx < ?', most)
  const lastTile = one(
    'SELECT max(id) AS n FROM ledger_tile WHERE id < ?',
    Math.ceil(most / TILE_WIDTH),
  )
  const strays =
    strayLanes +
    one('SELECT count(*) AS n FROM ledger_entry WHERE idx > ?', last) +
    one('SELECT count(*) AS n FROM ledger_tile WHERE id > ? AND id < ?', lastTile, tileId(1, 0))
  return { size: last + 1, tiles: one('SELECT count(*) AS n FROM ledger_tile'), strays }
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

function* checkpointsOf(store: Store): Generator<StoredCheckpoint> {
  const page = store.prepare<StoredCheckpoint>(
    'SELECT size, note, at_ms AS atMs FROM ledger_checkpoint WHERE size > ? ORDER BY size LIMIT 500',
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
  const tile = store.prepare<{ hashes: Uint8Array | null }>(
    'SELECT hashes FROM ledger_tile WHERE id = ?',
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
      ...(kept?.hashes && hasHashes ? { hashes: kept.hashes } : {}),
      hasOtherHashes: Boolean(kept?.hashes) && !hasHashes,
    }
  }
}

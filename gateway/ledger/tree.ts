/**
 * The Merkle tree over the stored entries. Only the unfinished tile of each level is in memory (8 kB a
 * level, one level for every factor of 256); roots of full tiles are rows, so a start or a rollback
 * reads at most 256 hashes a level.
 */
import type { Store } from '../storage/store.ts'
import { HASH_BYTES, type RangeHash, rootOf } from './tlog/merkle.ts'
import { type ReadTile, readRange, TILE_BYTES, TILE_WIDTH } from './tlog/tiles.ts'

/** A tile row's id is level × this + index within the level. */
const TILES_PER_LEVEL = 2 ** 44

export const tileId = (level: number, index: number): number => level * TILES_PER_LEVEL + index

export interface LedgerTree {
  readonly size: number
  /** Adds a leaf hash, inside the transaction that stores its entry. */
  append(leaf: Uint8Array): void
  root(): Uint8Array
  /** Reads everything anew from the tables. */
  reload(): void
}

export function createTree(store: Store): LedgerTree {
  const insertTile = store.prepare('INSERT INTO ledger_tile (id, root) VALUES (?, ?)')
  const readTile = tileReader(store)
  let size = 0
  let open: Buffer[] = []

  function tileOf(level: number): Buffer {
    let tile = open[level]
    if (!tile) {
      tile = Buffer.alloc(TILE_BYTES)
      open[level] = tile
    }
    return tile
  }

  function append(leaf: Uint8Array): void {
    let hash = leaf
    let position = size
    size += 1
    for (let level = 0; ; level++) {
      const tile = tileOf(level)
      tile.set(hash, (position % TILE_WIDTH) * HASH_BYTES)
      if (position % TILE_WIDTH !== TILE_WIDTH - 1) return
      hash = rootOf(tile, TILE_WIDTH)
      position = Math.floor(position / TILE_WIDTH)
      insertTile.run(tileId(level, position), hash)
    }
  }

  function root(): Uint8Array {
    const range = readRange(size, (tile) => {
      const isOpen = tile.width < TILE_WIDTH
      return isOpen ? tileOf(tile.level) : readTile(tile)
    })
    return size === 0 ? rootOf(Buffer.alloc(0)) : range(0, size)
  }

  function reload(): void {
    size = treeSize(store)
    open = []
    let count = size
    for (let level = 0; count > 0; level++) {
      const width = count % TILE_WIDTH
      const index = Math.floor(count / TILE_WIDTH)
      if (width > 0) tileOf(level).set(readTile({ level, index, width }))
      count = index
    }
  }

  reload()
  return {
    get size() {
      return size
    },
    append,
    root,
    reload,
  }
}

/** Leaves in the tables, whether their entries are still there or were removed by retention. */
export function treeSize(store: Store): number {
  const top = store
    .prepare<{ top: number | null }>('SELECT max(idx) AS top FROM ledger_entry')
    .get()?.top
  const tile = store
    .prepare<{ top: number | null }>('SELECT max(id) AS top FROM ledger_tile WHERE id < ?')
    .get(TILES_PER_LEVEL)?.top
  return Math.max((top ?? -1) + 1, ((tile ?? -1) + 1) * TILE_WIDTH)
}

/** Hashes of any node of the stored tree, at any size up to the present one. */
export const storedRange = (store: Store, size: number): RangeHash =>
  readRange(size, tileReader(store))

/** Tiles from the tables: leaf hashes from entries or, once removed, from the tile row. */
export function tileReader(store: Store): ReadTile {
  const kept = store.prepare<{ hashes: Uint8Array | null }>(
    'SELECT hashes FROM ledger_tile WHERE id = ?',
  )
  const leaves = store.prepare<{ hash: Uint8Array }>(
    'SELECT hash FROM ledger_entry WHERE idx >= ? AND idx < ? ORDER BY idx',
  )
  const roots = store.prepare<{ hash: Uint8Array }>(
    'SELECT root AS hash FROM ledger_tile WHERE id >= ? AND id < ? ORDER BY id',
  )
  return ({ level, index, width }) => {
    if (level === 0) {
      const hashes = kept.get(tileId(0, index))?.hashes
      if (hashes) return hashes.subarray(0, width * HASH_BYTES)
    }
    const first = index * TILE_WIDTH
    const rows =
      level === 0
        ? leaves.all(first, first + width)
        : roots.all(tileId(level - 1, first), tileId(level - 1, first + width))
    if (rows.length !== width) {
      throw new RangeError(`tile ${level}/${index}: ${rows.length} of ${width} hashes are stored`)
    }
    return Buffer.concat(rows.map((row) => row.hash))
  }
}

/**
 * The tile layout of C2SP tlog-tiles: 256 hashes a tile, eight levels of the tree at once; and entry
 * bundles. `readRange` finds any node of the tree from tiles, whatever keeps them.
 */
import { HASH_BYTES, type RangeHash, rootOf, splitPoint } from './merkle.ts'

export const TILE_WIDTH = 256
export const TILE_BYTES = TILE_WIDTH * HASH_BYTES
/** A bundle's length prefix is a big-endian uint16, so no entry is longer. */
export const ENTRY_MAX_BYTES = 65_535

/** `tile/<level>/<N>` or `tile/entries/<N>`, with `.p/<width>` when the tile is not full. */
export function tilePath(level: number | 'entries', index: number, width = TILE_WIDTH): string {
  const partial = width === TILE_WIDTH ? '' : `.p/${width}`
  return `tile/${level}/${tileIndexPath(index)}${partial}`
}

/** 1234067 → `x001/x234/067`. */
function tileIndexPath(index: number): string {
  let path = String(index % 1000).padStart(3, '0')
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`
  }
  return path
}

export interface TileAddress {
  readonly level: number
  readonly index: number
  /** 1–256. */
  readonly width: number
}

/** The first `width` hashes of a tile, one after the other. Throws when it is not to be had. */
export type ReadTile = (tile: TileAddress) => Uint8Array

/** Hashes of tree nodes from tiles, for a tree of `size` leaves. */
export function readRange(size: number, readTile: ReadTile): RangeHash {
  const perLevel = [size]
  for (let count = size; count >= TILE_WIDTH; ) {
    count = Math.floor(count / TILE_WIDTH)
    perLevel.push(count)
  }
  const range: RangeHash = (start, end) => {
    const span = end - start
    const [level, unit] = levelOf(span, start)
    if (level === undefined) {
      const middle = start + splitPoint(span)
      return rootOf(Buffer.concat([range(start, middle), range(middle, end)]))
    }
    const first = start / unit
    const index = Math.floor(first / TILE_WIDTH)
    const width = Math.min(TILE_WIDTH, (perLevel[level] ?? 0) - index * TILE_WIDTH)
    const offset = first - index * TILE_WIDTH
    const hashes = readTile({ level, index, width })
    return rootOf(
      hashes.subarray(offset * HASH_BYTES, (offset + span / unit) * HASH_BYTES),
      span / unit,
    )
  }
  return range
}

/** The highest tile level that holds D[start:start+span] as whole hashes of one tile, if one does. */
function levelOf(span: number, start: number): [number, number] | [undefined, 0] {
  let level = 0
  let unit = 1
  while (span % (unit * TILE_WIDTH) === 0 && start % (unit * TILE_WIDTH) === 0) {
    level += 1
    unit *= TILE_WIDTH
  }
  const last = (start + span) / unit - 1
  const isOneTile = Math.floor(start / unit / TILE_WIDTH) === Math.floor(last / TILE_WIDTH)
  return isOneTile ? [level, unit] : [undefined, 0]
}

/** Entries as one bundle: each with its length in two bytes, big-endian, in front. */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    if (entry.length > ENTRY_MAX_BYTES) throw new RangeError(`entry of ${entry.length} bytes`)
    parts.push(Uint8Array.of(entry.length >> 8, entry.length & 255), entry)
  }
  return Buffer.concat(parts)
}

/** The entries of a bundle to its last byte. Throws a RangeError when it ends in the middle of one. */
export function decodeBundle(bundle: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = []
  for (let at = 0; at < bundle.length; ) {
    const high = bundle[at]
    const low = bundle[at + 1]
    if (high === undefined || low === undefined) throw new RangeError('bundle ends in a length')
    const end = at + 2 + ((high << 8) | low)
    if (end > bundle.length) throw new RangeError('bundle ends in an entry')
    entries.push(bundle.subarray(at + 2, end))
    at = end
  }
  return entries
}

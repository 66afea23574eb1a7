/** Roots of full tiles, level by level, as a verification checks them. */
import type { Evidence, Segment } from './evidence.ts'
import type { Found } from './findings.ts'
import { HASH_BYTES, rootOf, sameHash } from './tlog/merkle.ts'
import { TILE_BYTES, TILE_WIDTH } from './tlog/tiles.ts'

/** Memory: one unfinished tile a level, 8 kB. */
export function createTileCheck(evidence: Evidence, found: Found) {
  const { database } = evidence
  const open: Buffer[] = []
  let full = 0

  /** A tile of this level is full and has this root: so must the table say, and the tile above holds it. */
  function close(level: number, index: number, root: Uint8Array) {
    const kept = evidence.tileRoot(level, index)
    full += 1
    const first = index * TILE_WIDTH ** (level + 1)
    const name = level === 0 ? `tile ${index}` : `tile ${index} of level ${level}`
    if (!kept) found('tile-changed', `${name} is missing`, first)
    else if (!sameHash(kept, root)) found('tile-changed', `root of ${name}`, first)
    const above = open[level + 1] ?? Buffer.alloc(TILE_BYTES)
    open[level + 1] = above
    above.set(root, (index % TILE_WIDTH) * HASH_BYTES)
    if (index % TILE_WIDTH !== TILE_WIDTH - 1) return
    close(level + 1, Math.floor(index / TILE_WIDTH), rootOf(above))
  }

  return {
    segment(segment: Segment, hashes: readonly Uint8Array[]): void {
      const { index } = segment
      // The database has them beside its entries, in the same row.
      if (segment.hasOtherHashes || (!database && !segment.hashes)) {
        found('tile-changed', `tile ${index} is missing or has another length`, index * TILE_WIDTH)
      }
      if (hashes.length === TILE_WIDTH) close(0, index, rootOf(Buffer.concat(hashes)))
    },
    finish(): void {
      if (!database) return
      if (database.tiles !== full) {
        found('tile-changed', `${database.tiles} tiles are stored, ${full} belong to the tree`)
      }
      if (database.strays > 0) {
        found(
          'entry-misplaced',
          `${database.strays} rows lie at places that the record does not have`,
        )
      }
    },
  }
}

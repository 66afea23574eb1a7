/**
 * Entries removed whole segment by whole segment, and how the record says so: an entry of this kind in
 * the audit lane names the leaves and how far each lane had got behind them.
 */
import type { Json } from './port.ts'
import { TILE_WIDTH } from './tlog/tiles.ts'

export const REMOVED_KIND = 'ledger.removed'

/** Body of such an entry. */
export interface Removal {
  /** First leaf removed; a multiple of 256. */
  readonly from: number
  /** First leaf not removed; a multiple of 256. */
  readonly to: number
  /** For each segment in turn: the last sequence of every lane before the leaf behind it. */
  readonly heads: readonly Readonly<Record<string, number>>[]
  readonly reason: string
}

export function createRemovalCheck() {
  const missing: number[] = []
  const covered = new Set<number>()
  const heads = new Map<number, Readonly<Record<string, unknown>>>()
  return {
    missing(index: number): void {
      const segment = Math.floor(index / TILE_WIDTH)
      if (missing.at(-1) !== segment) missing.push(segment)
    },
    record(body: { readonly [key: string]: Json | undefined }): void {
      const { from, to } = body
      const list = Array.isArray(body.heads) ? (body.heads as readonly Json[]) : []
      if (typeof from !== 'number' || typeof to !== 'number') return
      const first = Math.floor(from / TILE_WIDTH)
      const end = Math.floor(to / TILE_WIDTH)
      // The list bounds the loop: a forged range cannot make it long.
      for (let segment = first; segment < end && segment - first < list.length; segment++) {
        covered.add(segment)
        const known = list[segment - first]
        if (typeof known === 'object' && known !== null && !Array.isArray(known)) {
          heads.set((segment + 1) * TILE_WIDTH, known as Readonly<Record<string, unknown>>)
        }
      }
    },
    /** First leaf of every segment that is gone without a record of it. */
    unrecorded: (): readonly number[] =>
      missing.filter((segment) => !covered.has(segment)).map((segment) => segment * TILE_WIDTH),
    headsAfter: (index: number): Readonly<Record<string, unknown>> | undefined => heads.get(index),
  }
}

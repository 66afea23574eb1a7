/**
 * Entries are removed from the oldest on, whole segments at a time (a pruned prefix, as in C2SP
 * tlog-tiles). The record says so itself: an entry of this kind in the audit lane names the first leaf
 * that is still there and how far each lane had got before it.
 */
import type { Json } from './port.ts'

export const REMOVED_KIND = 'ledger.removed'

export interface Removal {
  /** Everything before this leaf is gone; a multiple of 256. */
  readonly to: number
  /** The last sequence of every lane before `to`. */
  readonly heads: Readonly<Record<string, number>>
}

/** Reads the body of such an entry; undefined when it is not one. */
export function readRemoval(body: {
  readonly [key: string]: Json | undefined
}): Removal | undefined {
  const { to, heads } = body
  if (typeof to !== 'number' || typeof heads !== 'object' || heads === null) return undefined
  const known = Object.entries(heads).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  )
  return { to, heads: Object.fromEntries(known) }
}

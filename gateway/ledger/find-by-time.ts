/** Where in the record a moment lies: entries are written nearly in the order of their times. */
import type { FullLedger } from './ledger.ts'

/**
 * Index of the first entry of that time or later, by halves: some 20 reads. An entry that was removed is
 * older than any that is there; a clock that was set back misleads it.
 */
export function firstSince(ledger: Pick<FullLedger, 'entryAt' | 'size'>, sinceMs: number): number {
  let low = 0
  let high = ledger.size()
  while (low < high) {
    const middle = (low + high) >> 1
    const entry = ledger.entryAt(middle)
    if (entry === undefined || entry.atMs < sinceMs) low = middle + 1
    else high = middle
  }
  return low
}

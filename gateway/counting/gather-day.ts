/** Counts one day from the record, between other work. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { firstSince } from '../ledger/find-by-time.ts'
import type { FullLedger } from '../ledger/ledger.ts'
import { count, emptyTally, type Tally } from './tally.ts'

/** Entries read in one turn of the event loop: about a millisecond. */
const PAGE_ENTRIES = 64
/** Entries are written nearly in the order of their times: a turn is dated by its arrival. */
const SLACK_MS = 3_600_000

export async function gatherDay(
  ledger: Pick<FullLedger, 'size' | 'entryAt' | 'entriesFrom'>,
  day: { readonly fromMs: number; readonly untilMs: number },
  intents: readonly string[],
  signal?: AbortSignal,
): Promise<Tally> {
  const tally = emptyTally(intents)
  const size = ledger.size()
  const first = firstSince(ledger, day.fromMs - SLACK_MS)
  for (let from = first; from < size; from += PAGE_ENTRIES) {
    signal?.throwIfAborted()
    const page = ledger.entriesFrom(from, Math.min(PAGE_ENTRIES, size - from))
    for (const entry of page) {
      if (entry.atMs >= day.fromMs && entry.atMs < day.untilMs) count(tally, entry)
    }
    const last = page.at(-1)
    if (last && !last.timeDoubt && last.atMs > day.untilMs + SLACK_MS) break
    await nextTurn()
  }
  return tally
}

import { expect, it } from 'vitest'
import { gatherDay } from '../../../gateway/counting/gather-day.ts'
import { count, emptyTally } from '../../../gateway/counting/tally.ts'
import type { LedgerEntry } from '../../../gateway/ledger/port.ts'

const DAY_MS = 86_400_000
const FROM_MS = Date.UTC(2026, 10, 21)
const day = { fromMs: FROM_MS, untilMs: FROM_MS + DAY_MS }

const turn = (body: object) => ({ kind: 'turn', body: body as LedgerEntry['body'] })
const shown = (tally: ReadonlyMap<string, number>) =>
  Object.fromEntries([...tally].filter(([, n]) => n > 0))

it('every branch sends the same names, whatever happened there', () => {
  const busy = emptyTally(['parking'])
  count(busy, turn({ status: 'answered', intent: 'never-heard-of', latencyMs: 5 }))
  count(busy, turn({ status: 'of-a-later-version', latencyMs: 5 }))
  expect([...busy.keys()]).toEqual([...emptyTally(['parking']).keys()])
})

it('counts how asks ended, what they were about, how long people waited and what they thought', () => {
  const tally = emptyTally(['parking'])
  count(tally, turn({ status: 'answered', source: 'local', intent: 'parking', latencyMs: 100 }))
  count(tally, turn({ status: 'answered', source: 'cloud', intent: 'fly', latencyMs: 101 }))
  count(tally, turn({ status: 'not-known', latencyMs: 60_000 }))
  count(tally, { kind: 'feedback', body: { rating: 'up' } })
  count(tally, { kind: 'device.added', body: { device: 'k1' } })
  expect(shown(tally)).toEqual({
    asks: 3,
    'status.answered': 2,
    'status.not-known': 1,
    'source.local': 1,
    'source.cloud': 1,
    'intent.parking': 1,
    'intent.other': 1,
    'wait.100ms': 1,
    'wait.300ms': 1,
    'wait.longer': 1,
    'feedback.up': 1,
  })
})

/** A turn a minute over four days; entries before `removed` are gone. */
function ledgerOf(removed: number) {
  const entries = Array.from({ length: 4 * 1440 }, (_, index): LedgerEntry => {
    const atMs = FROM_MS - 2 * DAY_MS + index * 60_000
    const body = { status: 'answered', latencyMs: 1 }
    return { lane: 'session', kind: 'turn', atMs, body, index, sequence: index + 1 }
  })
  let read = 0
  return {
    reads: () => read,
    size: () => entries.length,
    entryAt: (index: number) => (index < removed ? undefined : entries[index]),
    entriesFrom: (index: number, n: number) => {
      read += n
      return entries.slice(Math.max(index, removed), index + n)
    },
  }
}

it.each([0, 100, 2000])(
  'finds one day in the record, with %i entries removed before',
  async (gone) => {
    const ledger = ledgerOf(gone)
    expect((await gatherDay(ledger, day, [])).get('asks')).toBe(1440)
    expect(ledger.reads()).toBeLessThan(1440 + 4 * 64 + 120)
  },
)

it('ends when it is told to', async () => {
  const signal = AbortSignal.abort()
  await expect(gatherDay(ledgerOf(0), day, [], signal)).rejects.toThrow()
})

/** What is counted of a day: asks, how they ended, how long people waited, whether the answer helped. */
import { ANSWER_SOURCES, ANSWER_STATUSES } from '@kefu-edge/device-sdk/protocol/schemas'
import type { LedgerEntry } from '../ledger/port.ts'

/** Upper bounds of the waits that are told apart, in milliseconds; above the last: `wait.longer`. */
const WAITS_MS = [100, 300, 1000, 3000, 10_000] as const
const RATINGS = ['up', 'down'] as const
const OTHER_INTENT = 'intent.other'

/** A branch's counters of one day, by name. Every name is there, so that all branches send the same ones. */
export type Tally = Map<string, number>

/** `intents` are told apart; all others count as one. */
export function emptyTally(intents: readonly string[]): Tally {
  const names = [
    'asks',
    ...ANSWER_STATUSES.map((status) => `status.${status}`),
    ...ANSWER_SOURCES.map((source) => `source.${source}`),
    ...WAITS_MS.map((ms) => `wait.${ms}ms`),
    'wait.longer',
    ...RATINGS.map((rating) => `feedback.${rating}`),
    ...intents.map((intent) => `intent.${intent}`),
    OTHER_INTENT,
  ]
  return new Map(names.map((name) => [name, 0]))
}

/** Adds one entry of the record, if it is one that is counted. */
export function count(tally: Tally, { kind, body }: Pick<LedgerEntry, 'kind' | 'body'>): void {
  const add = (name: string) => {
    const before = tally.get(name)
    if (before !== undefined) tally.set(name, before + 1)
  }
  if (kind === 'feedback') add(`feedback.${body.rating}`)
  if (kind !== 'turn') return
  add('asks')
  add(`status.${body.status}`)
  if (typeof body.source === 'string') add(`source.${body.source}`)
  if (typeof body.latencyMs === 'number') add(waitOf(body.latencyMs))
  if (typeof body.intent === 'string') {
    const name = `intent.${body.intent}`
    add(tally.has(name) ? name : OTHER_INTENT)
  }
}

function waitOf(latencyMs: number): string {
  const bound = WAITS_MS.find((ms) => latencyMs <= ms)
  return bound === undefined ? 'wait.longer' : `wait.${bound}ms`
}

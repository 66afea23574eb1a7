/** Legal holds of a database that is put aside go on in the one that takes its place. */
import type { Clock } from '../clock.ts'
import type { Store } from '../storage/store.ts'
import type { FullLedger } from './ledger.ts'
import { fingerprint } from './subject-keys.ts'

/** Who is held is known by a keyed tag only: it means the same where the master key is the same. */
export interface Hold {
  readonly tag: Uint8Array
  readonly reason: string
  readonly at_ms: number
}

export const readHolds = (store: Store): readonly Hold[] =>
  store.prepare<Hold>('SELECT tag, reason, at_ms FROM ledger_hold').all()

/** As an operator is shown it. */
export interface StandingHold {
  readonly reason: string
  readonly atMs: number
  /** Data keys that it protects. */
  readonly keys: number
}

/** Oldest first. */
export const standingHolds = (store: Store): readonly StandingHold[] =>
  store
    .prepare<StandingHold>(
      `SELECT reason, at_ms AS atMs,
         (SELECT count(*) FROM subject_key WHERE subject_key.tag = ledger_hold.tag) AS keys
       FROM ledger_hold ORDER BY at_ms`,
    )
    .all()

/** Fingerprints of the data keys that seal what is kept of held persons. */
export const heldKeysOf = (store: Store): ReadonlySet<string> =>
  new Set(
    store
      .prepare<{ wrapped: Uint8Array }>(
        'SELECT wrapped FROM subject_key WHERE tag IN (SELECT tag FROM ledger_hold)',
      )
      .all()
      .flatMap((row) => fingerprint(row) ?? []),
  )

/** Sets those that are not there, each with the entry `subject.held` that a verification looks for; says how many. */
export function carryHolds(
  box: { readonly store: Store; readonly clock: Pick<Clock, 'now'>; readonly ledger: FullLedger },
  holds: readonly Hold[],
): Promise<number> {
  const { store, clock, ledger } = box
  const set = store.prepare(
    'INSERT OR IGNORE INTO ledger_hold (tag, reason, at_ms) VALUES (?, ?, ?)',
  )
  const keysOf = store.prepare<{ id: number }>(
    'SELECT id FROM subject_key WHERE tag = ? ORDER BY id',
  )
  return store.commit(() => {
    const missing = holds.filter(({ tag, reason, at_ms }) => set.run(tag, reason, at_ms).changes)
    for (const { tag, reason } of missing) {
      const body = { keys: keysOf.all(tag).map(({ id }) => id), reason }
      ledger.append({ lane: 'audit', kind: 'subject.held', atMs: clock.now(), body })
    }
    return missing.length
  })
}

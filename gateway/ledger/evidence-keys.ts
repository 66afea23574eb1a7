/** Data keys and legal holds of the database, as a verification looks at them. */
import type { Store } from '../storage/store.ts'

export interface KeyRow {
  readonly id: number
  readonly tag: Uint8Array
  readonly class: number
  readonly period: number
  readonly wrapped: Uint8Array
}

export interface KeyEvidence {
  readonly count: number
  readonly highest: number
  row(id: number): KeyRow | undefined
  rows(): Iterable<KeyRow>
  isHeld(tag: Uint8Array): boolean
}

const PAGE_ROWS = 1000

export function keyEvidence(store: Store): KeyEvidence {
  const size = store
    .prepare<{ count: number; highest: number }>(
      'SELECT count(*) AS count, coalesce(max(id), 0) AS highest FROM subject_key',
    )
    .get()
  const byId = store.prepare<KeyRow>('SELECT * FROM subject_key WHERE id = ?')
  const page = store.prepare<KeyRow>('SELECT * FROM subject_key WHERE id > ? ORDER BY id LIMIT ?')
  const hold = store.prepare<unknown>('SELECT 1 FROM ledger_hold WHERE tag = ?')
  return {
    count: size?.count ?? 0,
    highest: size?.highest ?? 0,
    row: (id) => byId.get(id),
    *rows() {
      for (let after = Number.MIN_SAFE_INTEGER; ; ) {
        const rows = page.all(after, PAGE_ROWS)
        yield* rows
        const last = rows.at(-1)
        if (!last) return
        after = last.id
      }
    },
    isHeld: (tag) => hold.get(tag) !== undefined,
  }
}

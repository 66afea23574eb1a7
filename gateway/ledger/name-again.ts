/** Destroyed data keys, named once more for a core that has forgotten which they are. */
import type { Clock } from '../clock.ts'
import type { Store } from '../storage/store.ts'
import { WRAPPED_KEY_BYTES } from './key-ring.ts'
import type { Ledger } from './port.ts'
import { portionsOf } from './subject-keys.ts'

/**
 * Entries like those of the erasures themselves, on disk when it resolves; says how many keys they name.
 * By them a core that was put back from a copy deletes again what it had been shown of these persons.
 */
export function nameDestroyedKeys(
  box: {
    readonly store: Store
    readonly clock: Pick<Clock, 'now'>
    readonly ledger: Pick<Ledger, 'append'>
  },
  reason: string,
): Promise<number> {
  const { store, clock, ledger } = box
  return store.commit(() => {
    const ids = store
      .prepare<{ id: number }>(
        `SELECT id FROM subject_key WHERE wrapped = zeroblob(${WRAPPED_KEY_BYTES}) ORDER BY id`,
      )
      .all()
      .map(({ id }) => id)
    for (const keys of portionsOf(ids)) {
      const body = { keys, reason }
      ledger.append({ lane: 'audit', kind: 'subject.erased', atMs: clock.now(), body })
    }
    return ids.length
  })
}

/** Destroyed data keys, named once more for a core that has forgotten which they are. */
import type { Clock } from '../clock.ts'
import type { Store } from '../storage/store.ts'
import { decodeLeaf } from './entry-codec.ts'
import {
  DESTROYING_KINDS,
  destroyedBy,
  personsErasedBy,
  portionsOf,
  portionsOfPersons,
} from './key-entries.ts'
import { WRAPPED_KEY_BYTES } from './key-ring.ts'
import { positionOf } from './lanes.ts'
import type { Ledger } from './port.ts'

/** Audit entries looked through at once, between other work: some milliseconds. */
const PAGE_ENTRIES = 5000

/**
 * Entries like those of the erasures themselves, on disk when it resolves; says how many keys they name.
 * By them a core that was put back from a copy deletes again what it had been shown of these persons.
 * A destroyed key that the record has not named yet was destroyed past the box: naming it here would
 * have `verify` take that for an erasure.
 */
export async function nameDestroyedKeys(
  box: {
    readonly store: Store
    readonly clock: Pick<Clock, 'now'>
    readonly ledger: Pick<Ledger, 'append'>
  },
  reason: string,
): Promise<number> {
  const { store, clock, ledger } = box
  const named = await namedIn(store)
  return store.commit(() => {
    const ids = destroyedKeys(store).filter((id) => named.keys.has(id))
    const bodies = [
      ...portionsOfPersons([...named.persons]).map((persons) => ({ keys: [], persons, reason })),
      ...portionsOf(ids).map((keys) => ({ keys, reason })),
    ]
    for (const body of bodies) {
      ledger.append({ lane: 'audit', kind: 'subject.erased', atMs: clock.now(), body })
    }
    return ids.length
  })
}

const destroyedKeys = (store: Store): readonly number[] =>
  store
    .prepare<{ id: number }>(
      `SELECT id FROM subject_key WHERE wrapped = zeroblob(${WRAPPED_KEY_BYTES}) ORDER BY id`,
    )
    .all()
    .map(({ id }) => id)

/** What the record says was destroyed. The words of the kind in the bytes are the sieve, the entry decides. */
async function namedIn(store: Store): Promise<{ keys: Set<number>; persons: Set<string> }> {
  const named = { keys: new Set<number>(), persons: new Set<string>() }
  const lane = store
    .prepare<{ first: number | null; last: number | null }>(
      'SELECT min(pos) AS first, max(pos) AS last FROM ledger_entry WHERE pos BETWEEN ? AND ?',
    )
    .get(positionOf('audit', 0), positionOf('telemetry', 0))
  const sieve = DESTROYING_KINDS.map((kind) => `instr(bytes, CAST('${kind}' AS BLOB))`).join(' OR ')
  const page = store.prepare<{ bytes: Uint8Array }>(
    `SELECT bytes FROM ledger_entry WHERE pos >= ? AND pos < ? AND (${sieve})`,
  )
  if (typeof lane?.first !== 'number' || typeof lane.last !== 'number') return named
  for (let from = lane.first; from <= lane.last; from += PAGE_ENTRIES) {
    for (const { bytes } of page.all(from, from + PAGE_ENTRIES)) {
      const leaf = decodeLeaf(bytes)
      if (!leaf) continue
      for (const id of destroyedBy(leaf)) named.keys.add(id)
      for (const person of personsErasedBy(leaf)) named.persons.add(person)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return named
}

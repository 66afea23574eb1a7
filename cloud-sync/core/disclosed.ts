/**
 * What the core was shown of persons, and its end: the gateway's record names the data keys that it
 * destroyed, and everything that was disclosed of them goes here too, in the same transaction. The leaves
 * stay as they are, so every proof stands. Overwritten in the file, and gone from its log after the commit.
 */
import type { EntryHead } from '../protocol/entry.ts'
import type { CoreStore } from './storage.ts'

/** Entries that name destroyed keys, and where: a person was erased, or the longest keeping time is over. */
const KEYS_ENDED: Readonly<Record<string, string>> = {
  'subject.erased': 'keys',
  'ledger.keys-expired': 'ids',
}

export interface Disclosed {
  /** What may be kept of this entry's disclosed part; inside the commit that writes the entry. */
  admit(gatewayNo: number, head: EntryHead, disclosed: Uint8Array | null): Uint8Array | null
  /** Notes what is shown, or deletes what was, after the entry was written; inside the same commit. */
  record(gatewayNo: number, entryKey: number, head: EntryHead, isShown: boolean): void
}

/**
 * Lanes do not wait for each other, so an entry may come after the erasure of its person: keys stay
 * erased. A gateway that was restored may give a number out again; then less is shown, never more.
 */
export function createDisclosed(store: CoreStore): Disclosed {
  const isErased = store.prepare('SELECT 1 FROM erased_key WHERE gateway_no = ? AND key_id = ?')
  const markErased = store.prepare(
    'INSERT INTO erased_key (gateway_no, key_id) VALUES (?, ?) ON CONFLICT DO NOTHING',
  )
  const note = store.prepare(
    'INSERT INTO disclosed_by (gateway_no, key_id, entry_key) VALUES (?, ?, ?)',
  )
  const hide = store.prepare(
    `UPDATE entry SET disclosed = NULL WHERE key IN
       (SELECT entry_key FROM disclosed_by WHERE gateway_no = ? AND key_id = ?)`,
  )
  const forget = store.prepare('DELETE FROM disclosed_by WHERE gateway_no = ? AND key_id = ?')

  function erase(gatewayNo: number, keys: unknown): void {
    if (!Array.isArray(keys)) return
    for (const key of keys as unknown[]) {
      if (typeof key !== 'number' || !Number.isSafeInteger(key)) continue
      markErased.run(gatewayNo, key)
      if (hide.run(gatewayNo, key).changes > 0) store.scrubSoon()
      forget.run(gatewayNo, key)
    }
  }

  return {
    admit(gatewayNo, { keyId }, disclosed) {
      if (disclosed === null || keyId === undefined) return null
      return isErased.get(gatewayNo, keyId) === undefined ? disclosed : null
    },
    record(gatewayNo, entryKey, { kind, keyId, body }, isShown) {
      if (isShown && keyId !== undefined) note.run(gatewayNo, keyId, entryKey)
      const field = KEYS_ENDED[kind]
      if (field !== undefined) erase(gatewayNo, body[field])
    },
  }
}

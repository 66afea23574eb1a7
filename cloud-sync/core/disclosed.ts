/**
 * What the core was shown of persons, and its end: the gateway's record names the data keys that it
 * destroyed, and everything that was disclosed of them goes here too, in the same transaction. The leaves
 * stay as they are, so every proof stands. Overwritten in the file, and gone from its log after the commit.
 *
 * A gateway that was restored has lost keys, and gives their numbers to others: an erasure names its persons
 * too, by the keyed hash that is disclosed beside their words.
 */
import { decodeView, type EntryHead } from '../protocol/entry.ts'
import type { CoreStore } from './storage.ts'
import { STREAM_STRIDE } from './stream-stride.ts'

/** Entries that name destroyed keys, and where: a person was erased, or the longest keeping time is over. */
const KEYS_ENDED: Readonly<Record<string, string>> = {
  'subject.erased': 'keys',
  'ledger.keys-expired': 'ids',
}

export interface Disclosed {
  /** What may be kept of this entry's disclosed part; inside the commit that writes the entry. */
  admit(gatewayNo: number, head: EntryHead, disclosed: Uint8Array | null): Uint8Array | null
  /** Notes what is shown, or deletes what was, after the entry was written; inside the same commit. */
  record(gatewayNo: number, entryKey: number, head: EntryHead, shown: Uint8Array | null): void
}

/** What an entry that ends keys says. */
interface Erasure {
  readonly gatewayNo: number
  /** Of the entry itself. */
  readonly entryKey: number
  readonly keys: readonly number[]
  readonly persons: readonly string[]
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
    'INSERT INTO disclosed_by (gateway_no, key_id, entry_key, person) VALUES (?, ?, ?, ?)',
  )
  const hide = store.prepare('UPDATE entry SET disclosed = NULL WHERE key = ?')
  const forget = store.prepare(
    'DELETE FROM disclosed_by WHERE gateway_no = ? AND key_id = ? AND entry_key = ?',
  )
  const sealedBy = store.prepare<Shown>(
    `SELECT key_id AS keyId, entry_key AS entryKey, person FROM disclosed_by
     WHERE gateway_no = ? AND key_id = ?`,
  )
  // In the epoch of the erasure the keys say it all: what the person has said since stays.
  const ofPersonBefore = store.prepare<Shown>(
    `SELECT key_id AS keyId, entry_key AS entryKey, person FROM disclosed_by
     WHERE gateway_no = ? AND person = ? AND
       (SELECT epoch FROM stream WHERE no = entry_key / ${STREAM_STRIDE}) <>
       (SELECT epoch FROM stream WHERE no = ?)`,
  )

  function erase({ gatewayNo, entryKey, keys, persons }: Erasure): void {
    const streamNo = Math.floor(entryKey / STREAM_STRIDE)
    const isTheirs = ({ person }: Shown) =>
      person === null || persons.length === 0 || persons.includes(person)
    for (const key of keys) markErased.run(gatewayNo, key)
    const gone = [
      ...keys.flatMap((key) => sealedBy.all(gatewayNo, key).filter(isTheirs)),
      ...persons.flatMap((person) => ofPersonBefore.all(gatewayNo, person, streamNo)),
    ]
    for (const shown of gone) {
      hide.run(shown.entryKey)
      forget.run(gatewayNo, shown.keyId, shown.entryKey)
    }
    if (gone.length > 0) store.scrubSoon()
  }

  return {
    admit(gatewayNo, { keyId }, disclosed) {
      if (disclosed === null || keyId === undefined) return null
      return isErased.get(gatewayNo, keyId) === undefined ? disclosed : null
    },
    record(gatewayNo, entryKey, { kind, keyId, body }, shown) {
      if (shown && keyId !== undefined) note.run(gatewayNo, keyId, entryKey, personIn(shown))
      const field = KEYS_ENDED[kind]
      if (field === undefined) return
      const keys = listIn(body[field]).filter((key): key is number => Number.isSafeInteger(key))
      const persons = listIn(body.persons).filter((one): one is string => typeof one === 'string')
      erase({ gatewayNo, entryKey, keys, persons })
    },
  }
}

interface Shown {
  readonly keyId: number
  readonly entryKey: number
  readonly person: string | null
}

function personIn(shown: Uint8Array): string | null {
  const person = decodeView(shown)?.person
  return typeof person === 'string' ? person : null
}

const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

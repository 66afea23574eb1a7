/** From draft to leaf and back: what is sealed, by which key, and what is never kept. */

import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import { withoutSecrets } from './data-classes.ts'
import {
  decodeLeaf,
  ENTRY_FORMAT,
  encodeSealed,
  type Leaf,
  toEntry,
  withoutUndefined,
} from './entry-codec.ts'
import type { LedgerDraft, LedgerEntry, TimeDoubt } from './port.ts'
import { type AskSeed, askHash } from './settings.ts'
import type { SubjectKeys } from './subject-keys.ts'

/** The leaf of a draft, its personal part sealed; inside `store.commit`, since a key may be made for it. */
export function leafOf(
  draft: LedgerDraft,
  seq: number,
  doubt: TimeDoubt | undefined,
  keys: Pick<SubjectKeys, 'seal'>,
): Leaf {
  const { lane, kind, atMs, deviceId, askKey, subject, personal } = draft
  const leaf: { -readonly [key in keyof Leaf]: Leaf[key] } = {
    v: ENTRY_FORMAT,
    lane,
    seq,
    kind,
    at: atMs,
    body: withoutUndefined(draft.body),
  }
  if (deviceId !== undefined) leaf.dev = deviceId
  if (askKey) {
    const { askId } = askKey
    leaf.ask = askKey.deviceId === deviceId ? askId : [askKey.deviceId, askId]
  }
  if (doubt) leaf.doubt = doubt
  // That a person pressed the button is his own affair too: shown to him, and erased with the rest.
  if (!personal && !subject) return leaf
  const dataClass = draft.dataClass ?? 'C2'
  const kept = withoutSecrets(withoutUndefined(personal ?? {}))
  const plain = encodeSealed(subject ? { subject, personal: kept } : { personal: kept })
  const { keyId, sealed } = keys.seal(subject, dataClass, doubt ? undefined : atMs, plain)
  leaf.cls = dataClass
  leaf.key = keyId
  leaf.sealed = sealed
  return leaf
}

interface EntryRow {
  readonly idx: number
  readonly bytes: Uint8Array
}

export interface EntryReader {
  entryAt(index: number): LedgerEntry | undefined
  entriesFrom(index: number, count: number, keyIds?: ReadonlySet<number>): readonly LedgerEntry[]
  seen(seed: AskSeed, deviceId: string, askId: string): LedgerEntry | undefined
}

/** Entries read back and opened. Throws `ledger.corrupt` for bytes that are no entry. */
export function createEntryReader(store: Store, keys: Pick<SubjectKeys, 'open'>): EntryReader {
  const byIndex = store.prepare<EntryRow>('SELECT idx, bytes FROM ledger_entry WHERE idx = ?')
  const byAsk = store.prepare<EntryRow>('SELECT idx, bytes FROM ledger_entry WHERE ask = ?')
  const byRange = store.prepare<EntryRow>(
    'SELECT idx, bytes FROM ledger_entry WHERE idx >= ? AND idx < ? ORDER BY idx',
  )

  function read(row: EntryRow): LedgerEntry {
    const leaf = decodeLeaf(row.bytes)
    if (!leaf) throw new GatewayError('ledger.corrupt', { detail: `entry ${row.idx}` })
    const isSealed = leaf.key !== undefined && leaf.sealed !== undefined
    return toEntry(row.idx, leaf, isSealed ? keys.open(leaf.key, leaf.sealed) : undefined)
  }

  return {
    entryAt: (index) => {
      const row = byIndex.get(index)
      return row && read(row)
    },
    entriesFrom: (index, count, keyIds) =>
      byRange.all(index, index + count).flatMap((row) => {
        const key = keyIds && decodeLeaf(row.bytes)?.key
        return keyIds && (key === undefined || !keyIds.has(key)) ? [] : [read(row)]
      }),
    seen: (seed, deviceId, askId) => {
      for (const row of byAsk.all(askHash(seed, deviceId, askId))) {
        const entry = read(row)
        if (entry.askKey?.deviceId === deviceId && entry.askKey.askId === askId) return entry
      }
      return undefined
    },
  }
}

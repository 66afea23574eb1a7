/** What entries of the record say of data keys, by their numbers. */
import type { Leaf } from './entry-codec.ts'
import type { Json } from './port.ts'

/** Kinds of entries that name data keys which are gone from then on, and where. */
const DESTROYED_IN: Readonly<Record<string, string>> = {
  'subject.erased': 'keys',
  'ledger.keys-expired': 'ids',
}
export const DESTROYING_KINDS = Object.keys(DESTROYED_IN)

/** Numbers of keys that one entry names: 25 kB of the 64 that an entry may have. */
const IDS_PER_ENTRY = 5000

/** Keys that the entry says were destroyed; none for an entry of another kind. */
export function destroyedBy({ kind, body }: Pick<Leaf, 'kind' | 'body'>): readonly number[] {
  const field = DESTROYED_IN[kind]
  return field === undefined ? [] : idsIn(body[field])
}

export const idsIn = (value: Json | undefined): readonly number[] =>
  Array.isArray(value) ? value.filter((id): id is number => typeof id === 'number') : []

/** Numbers of destroyed keys, in portions that one entry of the record can name. */
export function portionsOf(ids: readonly number[]): readonly (readonly number[])[] {
  return Array.from({ length: Math.ceil(ids.length / IDS_PER_ENTRY) }, (_, n) =>
    ids.slice(n * IDS_PER_ENTRY, (n + 1) * IDS_PER_ENTRY),
  )
}

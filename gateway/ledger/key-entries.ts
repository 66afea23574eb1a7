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
/** 34 kB. */
const PERSONS_PER_ENTRY = 1000

/** Keys that the entry says were destroyed; none for an entry of another kind. */
export function destroyedBy({ kind, body }: Pick<Leaf, 'kind' | 'body'>): readonly number[] {
  const field = DESTROYED_IN[kind]
  return field === undefined ? [] : idsIn(body[field])
}

/** Keyed hashes of the persons whose erasure the entry is. */
export const personsErasedBy = ({ kind, body }: Pick<Leaf, 'kind' | 'body'>): readonly string[] =>
  kind === 'subject.erased' && Array.isArray(body.persons)
    ? body.persons.filter((one): one is string => typeof one === 'string')
    : []

export const idsIn = (value: Json | undefined): readonly number[] =>
  Array.isArray(value) ? value.filter((id): id is number => typeof id === 'number') : []

/** Numbers of destroyed keys, or erased persons, in portions that one entry of the record can name. */
export const portionsOf = (ids: readonly number[]) => inPortions(ids, IDS_PER_ENTRY)
export const portionsOfPersons = (persons: readonly string[]) =>
  inPortions(persons, PERSONS_PER_ENTRY)

const inPortions = <T>(all: readonly T[], most: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(all.length / most) }, (_, n) =>
    all.slice(n * most, (n + 1) * most),
  )

/** Finds the entities that a slot asks for. */
import type { EntityReader } from './entity.ts'
import { findListValues, type ListHit, type ListLexicon } from './lists.ts'
import { meantValue } from './meant-value.ts'
import {
  readAges,
  readAmounts,
  readBeds,
  readIdentityNumbers,
  readNumbers,
  readPhones,
  readRooms,
  readWards,
} from './quantities.ts'
import { readDates, readDurations, readTimes } from './times.ts'

/** The general entities of the pack format, by name. */
export const ENTITY_READERS: Readonly<Record<string, EntityReader>> = {
  number: readNumbers,
  date: readDates,
  time: readTimes,
  duration: readDurations,
  age: readAges,
  amount: readAmounts,
  phone: readPhones,
  idcard: readIdentityNumbers,
  bed: readBeds,
  ward: readWards,
  room: readRooms,
}

export interface FoundEntity {
  readonly value: string | number
  /** The words that say it. */
  readonly text: string
}

/**
 * What `text` has of the entity called `entity`: the first of a general one, the value that is meant of a
 * list of the pack. Where longer words of other lists leave none, what they hide counts: CT室的报告 names
 * the CT for whom needs a test.
 */
export function findEntity(
  lexicon: ListLexicon,
  entity: string,
  text: string,
  nowMs: number,
): FoundEntity | undefined {
  const reader = ENTITY_READERS[entity]
  const hit = reader ? reader(text, nowMs)[0] : meantValue(text, hitsOf(lexicon, entity, text))
  return hit && { value: hit.value, text: text.slice(hit.start, hit.end) }
}

/** The values of a list that `text` names, each once, where {@link findEntity} finds none that is meant. */
export function namedValues(lexicon: ListLexicon, list: string, text: string): FoundEntity[] {
  const named = hitsOf(lexicon, list, text).filter(({ exact }) => exact)
  const firsts = new Map(named.toReversed().map((hit) => [hit.value, hit]))
  return named
    .filter((hit) => firsts.get(hit.value) === hit)
    .map(({ value, start, end }) => ({ value, text: text.slice(start, end) }))
}

function hitsOf(lexicon: ListLexicon, own: string, text: string): ListHit[] {
  const hits = findListValues(lexicon, text).filter(({ list }) => list === own)
  return hits.length > 0 ? hits : findListValues(lexicon, text, own).filter(({ exact }) => exact)
}

/** Finds the entities that a slot asks for. */
import type { EntityReader } from './entity.ts'
import { findListValues, type ListLexicon } from './lists.ts'
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
 * list of the pack.
 */
export function findEntity(
  lexicon: ListLexicon,
  pack: string,
  entity: string,
  text: string,
  nowMs: number,
): FoundEntity | undefined {
  const reader = ENTITY_READERS[entity]
  const hit = reader
    ? reader(text, nowMs)[0]
    : meantValue(
        text,
        findListValues(lexicon, text).filter((one) => one.list === entity && one.pack === pack),
      )
  return hit && { value: hit.value, text: text.slice(hit.start, hit.end) }
}

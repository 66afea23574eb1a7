/** Finds the entities that a slot asks for. */
import type { EntityReader } from './entity.ts'
import { findListValues, type ListLexicon } from './lists.ts'
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
  readonly entity: string
  readonly value: string | number
  readonly text: string
  readonly start: number
  readonly end: number
}

/** All entities called `entity` in `text`: a general one, or a list of the pack. */
export function findEntities(
  lexicon: ListLexicon,
  pack: string,
  entity: string,
  text: string,
  nowMs: number,
): FoundEntity[] {
  const reader = ENTITY_READERS[entity]
  const hits = reader
    ? reader(text, nowMs)
    : findListValues(lexicon, text).filter((hit) => hit.list === entity && hit.pack === pack)
  return hits.map(({ value, start, end }) => ({
    entity,
    value,
    start,
    end,
    text: text.slice(start, end),
  }))
}

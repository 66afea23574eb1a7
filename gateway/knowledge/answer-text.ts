/** Answer texts with fields in braces: `{facts.phone}`, `{department}`, `{department.floor}`. */
import type { SlotValue } from '../turn.ts'
import type { Language, Pack } from './pack-schema.ts'

const FIELD = /\{([a-z][a-z0-9._-]*)\}/g

/** The names of the fields in a text. */
export const fieldsOf = (text: string): string[] =>
  Array.from(text.matchAll(FIELD), (match) => match[1] ?? '')

/** What is left of a text that is not to be filled in. */
export const withoutFields = (text: string): string => text.replace(FIELD, '')

export interface FillContext {
  readonly pack: Pack
  readonly lang: Language
  readonly slots: Readonly<Record<string, SlotValue>>
  /** Entity (list name) of each slot. */
  readonly entities: Readonly<Record<string, string>>
}

/** The text with its fields filled; undefined when one of them is not known, so that no gap is spoken. */
export function fillAnswer(text: string, context: FillContext): string | undefined {
  let isWhole = true
  const filled = text.replace(FIELD, (_, field: string) => {
    const value = fieldValue(field, context)
    if (value === undefined) isWhole = false
    return value ?? ''
  })
  return isWhole ? filled : undefined
}

function fieldValue(
  field: string,
  { pack, lang, slots, entities }: FillContext,
): string | undefined {
  if (field.startsWith('facts.')) return inLanguage(pack.facts[field.slice(6)], lang)
  const [name = '', ...rest] = field.split('.')
  const slot = slots[name]
  if (slot === undefined || slot === null) return undefined
  const list = pack.lists.get(entities[name] ?? '')
  const entry = list?.values.find((value) => value.value === slot || value.id === slot)
  if (rest.length > 0) return inLanguage(entry?.attributes?.[rest.join('.')], lang)
  if (entry && lang === 'en') return entry.en?.[0] ?? entry.value
  return entry?.value ?? String(slot)
}

type Localised = string | number | { readonly zh?: string; readonly en?: string }

function inLanguage(value: Localised | undefined, lang: Language): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'object') return value[lang] ?? value.zh ?? value.en
  return String(value)
}

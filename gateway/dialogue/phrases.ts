/** The box's own words, by language; kept as data so that a site can read and change them. */
import { readFileSync } from 'node:fs'
import type { Language } from '../knowledge/pack-schema.ts'
import { packagePath } from '../paths.ts'

export type PhraseName = string

export interface Phrases {
  /** One way of saying it; `turn` picks the variant, so that the box does not repeat itself. */
  say(
    name: PhraseName,
    lang: Language,
    turn?: number,
    fields?: Readonly<Record<string, string>>,
  ): string
  /** Every way of saying it. */
  all(name: PhraseName, lang: Language): readonly string[]
}

type PhraseFile = Readonly<Record<string, Partial<Record<Language, readonly string[]>> | string>>

/**
 * The same, where `{person}` offers to call somebody: only while a pack is active that understands the call, or
 * people are told to say what the box does not know.
 */
export function offeringAPerson(phrases: Phrases, isUnderstood: () => boolean): Phrases {
  return {
    ...phrases,
    say(name, lang, turn, fields) {
      const person = isUnderstood() ? phrases.say('or-a-person', lang) : ''
      return phrases.say(name, lang, turn, { person, ...fields })
    },
  }
}

export function loadPhrases(path: string = packagePath('dialogue/data/phrases.json')): Phrases {
  const file = JSON.parse(readFileSync(path, 'utf8')) as PhraseFile
  const all = (name: PhraseName, lang: Language): readonly string[] => {
    const entry = file[name]
    return (typeof entry === 'object' ? (entry[lang] ?? entry.zh) : undefined) ?? []
  }
  return {
    all,
    say(name, lang, turn = 0, fields = {}) {
      const ways = all(name, lang)
      const way = ways[turn % Math.max(1, ways.length)]
      if (way === undefined) throw new Error(`no phrase "${name}" in ${path}`)
      return way.replace(/\{(\w+)\}/g, (_, field: string) => fields[field] ?? '')
    },
  }
}

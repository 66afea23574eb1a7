/** Values of the packs' closed lists in a text: as written, or as a recogniser may have heard them. */
import type { Pack } from '../../knowledge/pack-schema.ts'
import { clean, commonForm } from '../normalise.ts'
import { syllableOf } from '../pinyin.ts'
import { numbersPlace } from './numerals.ts'

export interface ListHit {
  readonly list: string
  readonly pack: string
  readonly value: string
  readonly start: number
  readonly end: number
  /** False when only the sound agrees. */
  readonly exact: boolean
}

interface Surface {
  readonly text: string
  readonly list: string
  readonly pack: string
  readonly value: string
  readonly latin: boolean
}

/** Surfaces by first character and, for Han of two or more, by first merged syllable. */
export interface ListLexicon {
  readonly byCharacter: ReadonlyMap<string, readonly Surface[]>
  readonly bySyllable: ReadonlyMap<number, readonly Surface[]>
}

export function buildListLexicon(packs: readonly Pack[]): ListLexicon {
  const byCharacter = new Map<string, Surface[]>()
  const bySyllable = new Map<number, Surface[]>()
  for (const pack of packs) {
    for (const [list, file] of pack.lists) {
      for (const { value, synonyms = [], en = [] } of file.values) {
        const words = [value, ...synonyms, ...en].map(clean)
        for (const text of new Set([...words, ...words.map(commonForm)])) {
          if (text === '') continue
          const latin = /[a-z]/.test(text)
          const surface = { text, list, pack: pack.manifest.pack, value, latin }
          add(byCharacter, text.charAt(0), surface)
          const syllable = syllableOf(text.charCodeAt(0))
          if (syllable > 0 && text.length > 1) add(bySyllable, syllable, surface)
        }
      }
    }
  }
  for (const surfaces of [...byCharacter.values(), ...bySyllable.values()]) {
    surfaces.sort((a, b) => b.text.length - a.text.length)
  }
  return { byCharacter, bySyllable }
}

function add<K>(map: Map<K, Surface[]>, key: K, surface: Surface): void {
  const kept = map.get(key)
  if (kept) kept.push(surface)
  else map.set(key, [surface])
}

/** All list values in `text`, left to right, the longest at each place, none overlapping. */
export function findListValues(lexicon: ListLexicon, text: string): ListHit[] {
  const hits: ListHit[] = []
  let at = 0
  while (at < text.length) {
    const found = longestAt(lexicon, text, at)
    if (found.length === 0) at++
    else {
      hits.push(...found)
      at = found[0]?.end ?? at + 1
    }
  }
  return hits
}

/** Values that start exactly at `at`; several when lists share a word. */
export function longestAt(lexicon: ListLexicon, text: string, at: number): ListHit[] {
  const exact = (lexicon.byCharacter.get(text.charAt(at)) ?? []).filter((surface) =>
    standsAt(text, at, surface),
  )
  const surfaces = exact.length > 0 ? exact : heardAt(lexicon, text, at)
  const length = surfaces[0]?.text.length ?? 0
  return surfaces
    .filter((surface) => surface.text.length === length)
    .map(({ list, pack, value }) => ({
      list,
      pack,
      value,
      start: at,
      end: at + length,
      exact: exact.length > 0,
    }))
}

function standsAt(text: string, at: number, surface: Surface): boolean {
  if (!text.startsWith(surface.text, at)) return false
  if (!surface.latin) return true
  const letter = /[a-z]/
  return !letter.test(text.charAt(at - 1)) && !letter.test(text.charAt(at + surface.text.length))
}

function heardAt(lexicon: ListLexicon, text: string, at: number): Surface[] {
  const syllable = syllableOf(text.charCodeAt(at))
  if (syllable === 0) return []
  const spelled = lexicon.byCharacter.get(text.charAt(at)) ?? []
  return (lexicon.bySyllable.get(syllable) ?? []).filter((surface) => {
    if (!soundsAt(text, at, surface.text)) return false
    // 肾内 sounds like 神内, but begins 肾内科: those words are meant as they were said.
    const said = text.slice(at, at + surface.text.length)
    return !spelled.some(
      ({ text: other, value }) => value !== surface.value && other.startsWith(said),
    )
  })
}

function soundsAt(text: string, at: number, wanted: string): boolean {
  let same = 0
  for (let i = 0; i < wanted.length; i++) {
    const said = text.charCodeAt(at + i)
    if (wanted.charCodeAt(i) === said) same++
    else if (syllableOf(said) === 0 || syllableOf(said) !== syllableOf(wanted.charCodeAt(i))) {
      return false
    } else if (numbersPlace(text, at + i)) return false
  }
  // Two characters that merely sound alike are too often another word.
  return same > 0 || wanted.length > 2
}

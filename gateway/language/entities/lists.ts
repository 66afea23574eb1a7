/** Values of a pack's closed lists in a text: as written, or as a recogniser may have heard them. */
import type { Pack } from '../../knowledge/pack-schema.ts'
import { COLLOQUIAL } from '../data/colloquial.ts'
import { GRAMMAR_CHARACTERS } from '../data/value-cues.ts'
import { clean, commonForm } from '../normalise.ts'
import { syllableOf } from '../pinyin.ts'
import { numbersPlace } from './numerals.ts'

export interface ListHit {
  readonly list: string
  readonly value: string
  readonly start: number
  readonly end: number
  /** False when only the sound agrees. */
  readonly exact: boolean
}

interface Surface {
  readonly text: string
  readonly list: string
  readonly value: string
  readonly latin: boolean
}

/** Surfaces by first character and, for Han of two or more, by first merged syllable. */
export interface ListLexicon {
  readonly byCharacter: ReadonlyMap<string, readonly Surface[]>
  readonly bySyllable: ReadonlyMap<number, readonly Surface[]>
}

export function buildListLexicon({ lists }: Pack): ListLexicon {
  const byCharacter = new Map<string, Surface[]>()
  const bySyllable = new Map<number, Surface[]>()
  for (const [list, file] of lists) {
    for (const { value, synonyms = [], en = [] } of file.values) {
      const words = [value, ...synonyms, ...en].map(clean)
      // 看小孩的科 is read as 看孩子的科; but 娃娃 among toys makes no toy of 孩子, a word of its own.
      const common = words.filter((word) => !Object.hasOwn(COLLOQUIAL, word)).map(commonForm)
      for (const text of new Set([...words, ...common])) {
        if (text === '') continue
        const surface = { text, list, value, latin: /[a-z]/.test(text) }
        add(byCharacter, text.charAt(0), surface)
        const syllable = syllableOf(text.charCodeAt(0))
        // Nobody says the common form itself: 眼孩子 is no misheard 洋娃娃.
        const isSaid = text.length > 1 && words.includes(text)
        if (syllable > 0 && isSaid) add(bySyllable, syllable, surface)
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

/**
 * All list values in `text`, left to right, the longest at each place, none overlapping. `own`: the one list whose
 * words count.
 */
export function findListValues(lexicon: ListLexicon, text: string, own?: string): ListHit[] {
  const hits: ListHit[] = []
  let at = 0
  while (at < text.length) {
    const found = longestAt(lexicon, text, at, own)
    if (found.length === 0 || hidesWritten(lexicon, text, found[0])) at++
    else {
      hits.push(...found)
      at = found[0]?.end ?? at + 1
    }
  }
  return hits
}

/** Whether a name that is written begins within what merely sounds like one: 去药房 is 药房 and not 取药. */
function hidesWritten(lexicon: ListLexicon, text: string, hit: ListHit | undefined): boolean {
  if (!hit || hit.exact) return false
  for (let at = hit.start + 1; at < hit.end; at++) {
    if (longestAt(lexicon, text, at).some(({ exact }) => exact)) return true
  }
  return false
}

/** Values that start exactly at `at`; several when lists share a word. `own`: the one list whose words count. */
export function longestAt(lexicon: ListLexicon, text: string, at: number, own?: string): ListHit[] {
  const written = (lexicon.byCharacter.get(text.charAt(at)) ?? []).filter(
    (surface) => endOf(text, at, surface) > at,
  )
  const exact = written.length > 0
  const surfaces = (exact ? written : heardAt(lexicon, text, at)).filter(
    ({ list }) => own === undefined || list === own,
  )
  const length = surfaces[0]?.text.length ?? 0
  return surfaces
    .filter((surface) => surface.text.length === length)
    .map((surface) => {
      const { list, value } = surface
      const end = exact ? endOf(text, at, surface) : at + length
      return { list, value, start: at, end, exact }
    })
}

const LETTER = /[a-z]/
/** Shorter words get another sense by an s: it, its. */
const LEAST_PLURAL_CHARS = 3

/** Where the surface written at `at` ends, with the s of a plural (toilets); `at` where it does not stand. */
function endOf(text: string, at: number, { text: word, latin }: Surface): number {
  if (!text.startsWith(word, at)) return at
  const end = at + word.length
  if (!latin) return end
  if (LETTER.test(text.charAt(at - 1))) return at
  if (!LETTER.test(text.charAt(end))) return end
  const isPlural = text.charAt(end) === 's' && !LETTER.test(text.charAt(end + 1))
  return isPlural && word.length >= LEAST_PLURAL_CHARS ? end + 1 : at
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
    } else if (GRAMMAR_CHARACTERS.has(text.charAt(at + i)) || numbersPlace(text, at + i)) {
      return false
    }
  }
  // Two characters that merely sound alike are too often another word.
  return same > 0 || wanted.length > 2
}

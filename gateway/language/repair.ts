/**
 * Mends what a recogniser misheard, by the words of the pack: 瓜号 sounds like 挂号, and only 挂号 is
 * spoken of here.
 */
import { numbersPlace } from './entities/numerals.ts'
import type { NormalText } from './normalise.ts'
import { exactSyllableOf, syllableOf } from './pinyin.ts'

interface Word {
  readonly text: string
  readonly count: number
}

/** Neighbouring characters of the pack, by themselves and by their sound. */
export interface PairLexicon {
  readonly pairs: ReadonlySet<string>
  /** Best pair for two exact toneless syllables; then for two merged ones. */
  readonly bySound: ReadonlyMap<number, Word>
  readonly byMergedSound: ReadonlyMap<number, Word>
}

/** A pair must occur this often in the pack before words are changed into it. */
const MINIMUM_COUNT = 2
const SYLLABLES = 1024

export function buildPairLexicon(texts: Iterable<string>): PairLexicon {
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (let i = 0; i + 1 < text.length; i++) {
      if (syllableOf(text.charCodeAt(i)) === 0 || syllableOf(text.charCodeAt(i + 1)) === 0) continue
      const pair = text.slice(i, i + 2)
      counts.set(pair, (counts.get(pair) ?? 0) + 1)
    }
  }
  const bySound = new Map<number, Word>()
  const byMergedSound = new Map<number, Word>()
  for (const [text, count] of counts) {
    if (count < MINIMUM_COUNT) continue
    keepBest(bySound, soundOf(text, 0, exactSyllableOf), { text, count })
    keepBest(byMergedSound, soundOf(text, 0, syllableOf), { text, count })
  }
  return { pairs: new Set(counts.keys()), bySound, byMergedSound }
}

function keepBest(words: Map<number, Word>, sound: number, word: Word): void {
  const kept = words.get(sound)
  if (!kept || word.count > kept.count) words.set(sound, word)
}

function soundOf(text: string, at: number, syllable: (unit: number) => number): number {
  const first = syllable(text.charCodeAt(at))
  const second = syllable(text.charCodeAt(at + 1))
  return first === 0 || second === 0 ? -1 : first * SYLLABLES + second
}

/** `text` with unknown pairs replaced by pairs of the pack that sound the same, or undefined. */
function repairText(text: string, lexicon: PairLexicon): string | undefined {
  let out = text
  for (let i = 0; i + 1 < out.length; i++) {
    if (lexicon.pairs.has(out.slice(i, i + 2))) continue
    const word =
      lexicon.bySound.get(soundOf(out, i, exactSyllableOf)) ??
      lexicon.byMergedSound.get(soundOf(out, i, syllableOf))
    if (!word || breaksKnownPair(out, i, word.text, lexicon)) continue
    if (changesPlaceNumber(out, i, word.text)) continue
    out = out.slice(0, i) + word.text + out.slice(i + 2)
  }
  return out === text ? undefined : out
}

/** A change must not tear apart a pair that the pack knows, as 化验单 would be by 单号. */
function breaksKnownPair(text: string, at: number, word: string, lexicon: PairLexicon): boolean {
  const before = at > 0 && word[0] !== text[at] && lexicon.pairs.has(text.slice(at - 1, at + 1))
  const after =
    at + 3 <= text.length &&
    word[1] !== text[at + 1] &&
    lexicon.pairs.has(text.slice(at + 1, at + 3))
  return before || after
}

const changesPlaceNumber = (text: string, at: number, word: string): boolean =>
  [0, 1].some((i) => word[i] !== text[at + i] && numbersPlace(text, at + i))

/** A repaired reading of `normal`, or undefined when nothing sounds like the pack's words. */
export function repairNormal(normal: NormalText, lexicon: PairLexicon): NormalText | undefined {
  if (normal.lang !== 'zh') return undefined
  const text = repairText(normal.text, lexicon)
  return text === undefined ? undefined : { ...normal, bare: text, text }
}

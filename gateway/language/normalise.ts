/**
 * Brings words as typed or heard into one normal form.
 *
 * Steps: Unicode NFKC and lower case, traditional to simplified characters, punctuation to spaces,
 * stretched characters, white space, fillers and politeness, colloquial and dialect words.
 */
import type { Language } from '../knowledge/pack-schema.ts'
import { COLLOQUIAL } from './data/colloquial.ts'
import {
  ENDINGS_EN,
  ENDINGS_ZH,
  INNER_EN,
  INNER_ZH,
  OPENINGS_EN,
  OPENINGS_ZH,
} from './data/fillers.ts'
import { toSimplified } from './simplify.ts'
import { createEdge, stripEdges } from './strip-edges.ts'

export interface NormalText {
  readonly lang: Language
  /** Cleaned, with politeness and fillers still there; templates and exact questions are tried on it too. */
  readonly plain: string
  /** Without fillers, in the speaker's own words. */
  readonly bare: string
  /** Without fillers, in common words: what is classified and searched. Never empty when `plain` is not. */
  readonly text: string
}

/** Longer texts are cut: a question spoken for over a minute does not get clearer, only slower. */
export const MAX_TEXT_LENGTH = 1000

const HAN = /\p{Script=Han}/gu
const LATIN_WORD = /[a-z][a-z']*/g
const HAN_SPACE = /(?<=\p{Script=Han}) +(?=\p{Script=Han})/gu
/** 好好好好 and soooo; digits in words are left, 零零零 may be part of a number. */
const STRETCHED = /((?![零〇一二三四五六七八九十幺])\p{Script=Han})\1{2,}|([a-z])\2{3,}/gu
/** 1,200 with a narrow comma; a wide one parts what is listed: 110，120. */
const THOUSANDS = /(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])/g
const joinThousands = (figure: string): string => figure.replaceAll(',', '')
const INVISIBLE = /[\p{Cc}\p{Cf}]/gu

/** Chinese unless Latin words clearly carry the sentence ("WiFi密码" is Chinese). */
export function languageOf(text: string): Language {
  const han = text.match(HAN)?.length ?? 0
  if (han === 0) return /[a-z]/i.test(text) ? 'en' : 'zh'
  const words = text.toLowerCase().match(LATIN_WORD)?.length ?? 0
  return words > 3 && words > han ? 'en' : 'zh'
}

/** The Latin words of a text in lower case. */
export const latinWords = (text: string): readonly string[] => text.match(LATIN_WORD) ?? []

/** The normal form of a text in any width, script and mood. Never throws. */
export function normalise(raw: string): NormalText {
  const plain = clean(raw)
  const lang = languageOf(plain)
  const stripped = lang === 'zh' ? stripChinese(plain) : stripEnglish(plain)
  return { lang, plain, bare: stripped, text: commonForm(stripped) }
}

/** Width, case, script, punctuation, stretching and white space; the words stay. */
export function clean(raw: string): string {
  const folded = raw
    .slice(0, MAX_TEXT_LENGTH)
    .replace(THOUSANDS, joinThousands)
    .normalize('NFKC')
    .replace(/’/g, "'")
    .toLowerCase()
  return toSimplified(folded)
    .replace(INVISIBLE, ' ')
    .replace(/(?<!\d)[.:/-]|[.:/-](?!\d)/g, ' ')
    .replace(/(?<![a-z])'|'(?![a-z])/g, ' ')
    .replace(/[^\p{L}\p{N}.:/%°℃'¥£$€+-]/gu, ' ')
    .replace(STRETCHED, '$1$2')
    .replace(/ +/g, ' ')
    .replace(HAN_SPACE, ' ')
    .trim()
}

const longestFirst = (words: readonly string[]): string[] =>
  [...words].sort((a, b) => b.length - a.length)
const alternatives = (words: readonly string[]): string => longestFirst(words).join('|')

const FILLER_ZH = new RegExp(alternatives(INNER_ZH), 'g')
const FILLER_EN = new RegExp(`(?<=^| )(?:${alternatives(INNER_EN)})(?: |$)`, 'g')
const COLLOQUIAL_ZH = new RegExp(alternatives(Object.keys(COLLOQUIAL)), 'g')

const OPENING_ZH = createEdge(OPENINGS_ZH)
const ENDING_ZH = createEdge(ENDINGS_ZH)
const OPENING_EN = createEdge(OPENINGS_EN)
const ENDING_EN = createEdge(ENDINGS_EN)

function stripChinese(text: string): string {
  const body = stripEdges(text, OPENING_ZH, ENDING_ZH, false)
  const kept = body === '' ? text : body
  const inner = kept.replace(FILLER_ZH, '').trim()
  return (inner === '' ? kept : inner).replace(/ +/g, ' ')
}

function stripEnglish(text: string): string {
  const body = stripEdges(text, OPENING_EN, ENDING_EN, true)
  const kept = body === '' ? text : body
  const inner = kept.replace(FILLER_EN, '').trim()
  return inner === '' ? kept : inner
}

/** Colloquial and dialect words in their common form. */
export function commonForm(text: string): string {
  return text.replace(COLLOQUIAL_ZH, (word) => COLLOQUIAL[word] ?? word)
}

/** Cuts a normal form into units: a Han character, a Latin word, a number, a sign. */
import { syllableOf } from './pinyin.ts'

export type TokenKind = 'han' | 'word' | 'number' | 'sign'

export interface Token {
  readonly kind: TokenKind
  readonly text: string
  /** Where it starts in the text that was cut. */
  readonly at: number
  /** Hash of the text; of the digits' count for a number of more than two digits. */
  readonly hash: number
  /** Merged syllable (see pinyin), 0 for anything but a Han character. */
  readonly syllable: number
}

const FNV_SEED = 0x811c9dc5

/** A unit as it is found, told again and again by {@link nextUnit}; see {@link Token}. */
export interface Unit {
  kind: TokenKind
  at: number
  end: number
  hash: number
  syllable: number
}

/**
 * Any unit of any script; most are told by their first character instead, at a tenth of the price. A word
 * ends where Chinese begins: CT室 is a word and a character.
 */
const UNIT =
  /(\p{Script=Han})|((?:(?!\p{Script=Han})\p{L})(?:(?!\p{Script=Han})[\p{L}'])*)|(\d+(?:[.:/-]\d+)*)|(\S)/gu
const NUMBER = /\d+(?:[.:/-]\d+)*/y
const SPACE = 0x20
const APOSTROPHE = 0x27

/** The common block of Han characters; the regular expression knows the others. */
const isCommonHan = (unit: number): boolean => unit >= 0x4e00 && unit <= 0x9fff
const isLatin = (unit: number): boolean =>
  (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x41 && unit <= 0x5a)
const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39

/** FNV-1a over UTF-16 code units, 32 bits. */
export function hashText(text: string, seed = FNV_SEED, from = 0, to = text.length): number {
  let hash = seed
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

export const startUnits = (): Unit => ({ kind: 'sign', at: 0, end: 0, hash: 0, syllable: 0 })

/** Moves `unit` on to the next one of `text`; false at the end. White space parts but is no unit. */
export function nextUnit(text: string, unit: Unit): boolean {
  let at = unit.end
  while (text.charCodeAt(at) === SPACE) at++
  if (at >= text.length) return false
  const first = text.charCodeAt(at)
  unit.at = at
  unit.end = at + 1
  unit.syllable = 0
  if (isCommonHan(first)) {
    unit.kind = 'han'
    unit.syllable = syllableOf(first)
  } else if (isLatin(first)) {
    unit.kind = 'word'
    unit.end = endOfWord(text, at)
    if (unit.end < 0) return nextOfAnyScript(text, unit)
  } else if (isDigit(first)) {
    unit.kind = 'number'
    NUMBER.lastIndex = at
    NUMBER.test(text)
    unit.end = NUMBER.lastIndex
  } else if (first > SPACE && first < 0x7f) unit.kind = 'sign'
  else return nextOfAnyScript(text, unit)
  unit.hash = hashUnit(text, unit)
  return true
}

/** Where the word at `at` ends; -1 when only the regular expression can tell. */
function endOfWord(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end++) {
    const unit = text.charCodeAt(end)
    if (isLatin(unit) || unit === APOSTROPHE) continue
    return unit > 0x7f && !isCommonHan(unit) ? -1 : end
  }
  return text.length
}

function nextOfAnyScript(text: string, unit: Unit): boolean {
  UNIT.lastIndex = unit.at
  const match = UNIT.exec(text)
  if (!match) return false
  const [found, han, word, number] = match
  unit.kind = han ? 'han' : word ? 'word' : number ? 'number' : 'sign'
  unit.at = match.index
  unit.end = match.index + found.length
  unit.syllable = han ? syllableOf(han.charCodeAt(0)) : 0
  unit.hash = hashUnit(text, unit)
  return true
}

/** Long numbers are seldom the same twice; how long they are says what they are. */
function hashUnit(text: string, { kind, at, end }: Unit): number {
  const isLong = kind === 'number' && end - at > 2
  return isLong ? hashText(`#${end - at}`) : hashText(text, FNV_SEED, at, end)
}

/** Tokens of a normal form, in order. */
export function tokenise(text: string): Token[] {
  const tokens: Token[] = []
  const unit = startUnits()
  while (nextUnit(text, unit)) {
    const { kind, at, end, hash, syllable } = unit
    tokens.push({ kind, text: text.slice(at, end), at, hash, syllable })
  }
  return tokens
}

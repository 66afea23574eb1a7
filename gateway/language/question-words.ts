/** What a question asks for, what it denies, and which of its words have others of the same meaning. */
import { NEGATIONS, OPPOSITES, QUESTION_TYPES } from './data/question-words.ts'
import { SYNONYMS } from './data/synonyms.ts'
import { createWordFinder } from './word-finder.ts'

/** Single characters that are words of their own often enough to stand for their group. */
const LONE_WORDS = new Set('买卖治药狗猫花歌学玩画写洗修贴租煮寄找查改删换选图书店车鞋包借啥')
/** Finds words that have others of the same meaning; the value is the number of their group, from 1. */
export const findConcepts = createWordFinder(
  SYNONYMS.flatMap((group, i) =>
    group
      .filter((word) => word.length > 1 || LONE_WORDS.has(word))
      .map((word) => [word, i + 1] as const),
  ),
)

const findTypes = createWordFinder(
  new Map(
    Object.values(QUESTION_TYPES).flatMap((words, bit) => words.map((word) => [word, 1 << bit])),
  ),
  { wholeLatin: true },
)
/** What a text that denies something has at least one of: the Chinese words are told by one character. */
const MAY_DENY = /[别不没未非无a-z]/
const NEGATION = new RegExp(
  NEGATIONS.map((word) => (/^[a-z']+$/.test(word) ? `\\b${word}\\b` : word)).join('|'),
)
/** "A-not-A" questions and fixed words deny nothing. */
const NOT_NEGATION =
  /(.)不\1|是否|能否|可否|不同|不错|不但|不仅|差不多|不好意思|对不起|要不要|不管|不过/gu

const NAMES = ['none', ...SYNONYMS].map((_, i) => `concept ${i}`)

/** A name for each group of synonyms that `text` has a word of. */
export function conceptNames(text: string): readonly string[] {
  const names: string[] = []
  findConcepts(text, (_at, _length, concept) => {
    const name = NAMES[concept] as string
    if (!names.includes(name)) names.push(name)
  })
  return names
}

/** Set of question types as bits; 0 when the text asks nothing in so many words. */
export function questionTypes(text: string): number {
  let bits = 0
  findTypes(text, (_at, _length, bit) => {
    bits |= bit
  })
  return bits
}

/** Whether the text denies something. */
export function isNegated(text: string): boolean {
  return MAY_DENY.test(text) && NEGATION.test(text.replace(NOT_NEGATION, ''))
}

/** As many pairs as the bits of one small number hold, two a pair. */
const sideBit = new Map(
  OPPOSITES.slice(0, 15).flatMap(([one, other], i) => [
    [one.charCodeAt(0), 1 << (2 * i)],
    [other.charCodeAt(0), 2 << (2 * i)],
  ]),
)
const FIRST_SIDES = 0x15555555

/** One bit for each side of each pair of opposites that the text names alone. */
export function oppositeSides(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i++) bits |= sideBit.get(text.charCodeAt(i)) ?? 0
  const others = ((bits & FIRST_SIDES) << 1) | ((bits >>> 1) & FIRST_SIDES)
  return bits & ~others
}

/** Whether two texts name opposite sides of a pair: 男科 and 女科. */
export function areOpposed(sides: number, others: number): boolean {
  return ((sides & FIRST_SIDES & (others >>> 1)) | (others & FIRST_SIDES & (sides >>> 1))) !== 0
}

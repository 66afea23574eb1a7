/** What a question asks for, what it denies, and which of its words have others of the same meaning. */
import { NEGATIONS, OPPOSITES, QUESTION_TYPES } from './data/question-words.ts'
import { SYNONYMS } from './data/synonyms.ts'
import { createWordFinder } from './word-finder.ts'

const pattern = (words: Iterable<string>, flags = 'g'): RegExp =>
  new RegExp(
    [...words]
      .sort((a, b) => b.length - a.length)
      .map((word) => (/^[a-z' ]+$/.test(word) ? `\\b${word}\\b` : word))
      .join('|'),
    flags,
  )

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

const typeBit = new Map(
  Object.values(QUESTION_TYPES).flatMap((words, bit) => words.map((word) => [word, 1 << bit])),
)
const TYPE = pattern(typeBit.keys())
const NEGATION = pattern(NEGATIONS)
/** "A-not-A" questions and fixed words deny nothing. */
const NOT_NEGATION =
  /(.)不\1|是否|能否|可否|不同|不错|不但|不仅|差不多|不好意思|对不起|要不要|不管|不过/gu

/** A name for each group of synonyms that `text` has a word of. */
export function conceptNames(text: string): readonly string[] {
  const names = new Set<string>()
  findConcepts(text, (_at, _length, concept) => names.add(`concept ${concept}`))
  return [...names]
}

/** Set of question types as bits; 0 when the text asks nothing in so many words. */
export function questionTypes(text: string): number {
  let bits = 0
  for (const [word] of text.matchAll(TYPE)) bits |= typeBit.get(word) ?? 0
  return bits
}

/** Whether the text denies something. */
export function isNegated(text: string): boolean {
  NEGATION.lastIndex = 0
  return NEGATION.test(text.replace(NOT_NEGATION, ''))
}

/** One bit for each side of each pair of opposites that the text names. */
export function oppositeSides(text: string): number {
  let bits = 0
  OPPOSITES.forEach(([one, other], i) => {
    if (i > 14) return
    const first = text.includes(one)
    if (first !== text.includes(other)) bits |= (first ? 1 : 2) << (2 * i)
  })
  return bits
}

/** Whether two texts name opposite sides of a pair: 男科 and 女科. */
export function areOpposed(sides: number, others: number): boolean {
  const firsts = 0x15555555
  return ((sides & firsts & (others >>> 1)) | (others & firsts & (sides >>> 1))) !== 0
}

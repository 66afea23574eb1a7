/** What a question asks for, what it denies, and its wording made common. */
import { NEGATIONS, OPPOSITES, QUESTION_TYPES, SYNONYMS } from './data/question-words.ts'

const pattern = (words: Iterable<string>, flags = 'g'): RegExp =>
  new RegExp(
    [...words]
      .sort((a, b) => b.length - a.length)
      .map((word) => (/^[a-z' ]+$/.test(word) ? `\\b${word}\\b` : word))
      .join('|'),
    flags,
  )

const firstOfGroup = new Map(SYNONYMS.flatMap((group) => group.map((word) => [word, group[0]])))
// Single characters are parts of too many words to be replaced blindly.
const SYNONYM = pattern([...firstOfGroup.keys()].filter((word) => word.length > 1))
const typeBit = new Map(
  Object.values(QUESTION_TYPES).flatMap((words, bit) => words.map((word) => [word, 1 << bit])),
)
const TYPE = pattern(typeBit.keys())
const NEGATION = pattern(NEGATIONS)
/** "A-not-A" questions and fixed words deny nothing. */
const NOT_NEGATION =
  /(.)不\1|是否|能否|可否|不同|不错|不但|不仅|差不多|不好意思|对不起|要不要|不管|不过/gu

/** `text` with synonyms replaced by the first word of their group. */
export function commonWording(text: string): string {
  return text.replace(SYNONYM, (word) => firstOfGroup.get(word) ?? word)
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

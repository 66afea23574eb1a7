/** Copies of example questions as a recogniser would have heard them or a hesitant person said them. */
import { INNER_ZH } from './data/fillers.ts'
import { FOREIGN_MATTERS } from './data/foreign-matters.ts'
import { LIGHT_WORDS } from './data/light-words.ts'
import { QUESTION_TYPES } from './data/question-words.ts'
import { SYNONYMS } from './data/synonyms.ts'
import { homophones } from './pinyin.ts'
import type { Random } from './random.ts'
import { createWordFinder } from './word-finder.ts'

/** Share of Han characters misheard: what a poor line or a noisy hall does. */
const MISHEARD_SHARE = 0.12

const LONGEST_WORD = 4

const isHan = (unit: number): boolean => unit >= 0x4e00 && unit <= 0x9fff

/** `text` with some characters replaced by others of the same toneless pinyin. */
export function mishear(text: string, random: Random, share = MISHEARD_SHARE): string {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    const others = isHan(unit) && random() < share ? homophones(unit) : ''
    out += others === '' ? text[i] : (others[Math.floor(random() * others.length)] ?? text[i])
  }
  return out
}

/** `text` with one hesitation inside, at any place, as speech has it. */
export function hesitate(text: string, random: Random): string {
  if (text.length < 2) return text
  const at = 1 + Math.floor(random() * (text.length - 1))
  const filler = INNER_ZH[Math.floor(random() * INNER_ZH.length)] ?? ''
  return text.slice(0, at) + filler + text.slice(at)
}

/** English with two letters swapped in one longer word, the commonest slip of typing. */
export function mistype(text: string, random: Random): string {
  const words = text.split(' ')
  const long = words.map((word, i) => (word.length > 4 ? i : -1)).filter((i) => i >= 0)
  const chosen = long[Math.floor(random() * long.length)]
  const word = chosen === undefined ? undefined : words[chosen]
  if (chosen === undefined || word === undefined) return text
  const at = 1 + Math.floor(random() * (word.length - 2))
  words[chosen] = word.slice(0, at) + (word[at + 1] ?? '') + (word[at] ?? '') + word.slice(at + 2)
  return words.join(' ')
}

const groupOf = new Map(SYNONYMS.flatMap((group) => group.map((word) => [word, group] as const)))
const REPLACEABLE = new RegExp(
  [...groupOf.keys()]
    .filter((word) => word.length > 1)
    .sort((a, b) => b.length - a.length)
    .join('|'),
  'g',
)
const PARTICLES = /[的了吗呢啊呀吧嘛着过就都也还会能要有是]/g
const ENDINGS = ['吗', '呢', '的', '了', '啊', '呀', '怎么办', '有吗', '知道吗', '']

/**
 * `text` said a little differently: another word of the same meaning, particles dropped, halves swapped,
 * another ending. Stands in for paraphrases where an answer has only one question.
 */
export function rephrase(text: string, random: Random): string {
  let out = text.replace(REPLACEABLE, (word) => {
    const group = groupOf.get(word) ?? [word]
    return random() < 0.6 ? (group[Math.floor(random() * group.length)] ?? word) : word
  })
  out = out.replace(PARTICLES, (particle) => (random() < 0.4 ? '' : particle))
  if (random() < 0.3 && out.length > 5) {
    const at = 2 + Math.floor(random() * (out.length - 4))
    out = out.slice(at) + out.slice(0, at)
  }
  if (random() < 0.3 && out.length > 5) {
    const at = Math.floor(random() * out.length)
    out = out.slice(0, at) + out.slice(at + 1 + Math.floor(random() * 2))
  }
  return random() < 0.4 ? out + (ENDINGS[Math.floor(random() * ENDINGS.length)] ?? '') : out
}

/** `text` with one word replaced by one of `donor`: nearly the same words, another meaning. */
export function distort(text: string, donor: string, random: Random): string {
  if (text.length < 4 || donor.length < 4) return donor
  const length = 2 + Math.floor(random() * 2)
  const from = Math.floor(random() * (donor.length - length + 1))
  const word = donor.slice(from, from + length)
  const at = Math.floor(random() * (text.length - 1))
  // One in three is a word put in, which narrows or turns the question.
  const kept = random() < 0.33 ? at : at + 2
  return text.slice(0, at) + word + text.slice(kept)
}

const findFrame = createWordFinder(
  [
    ...LIGHT_WORDS,
    ...Object.values(QUESTION_TYPES).flat(),
    ...['今天', '明天', '昨天', '上午', '下午', '中午', '早上', '晚上', '周末', '星期', '开', '关'],
  ].map((word) => [word, true] as const),
)

/**
 * `text` with one of its words replaced by a matter that the packs (`isOurs`) do not speak of: the same
 * kind of question about something else. Undefined where nothing but the frame of a question is left.
 */
export function misplace(
  text: string,
  isOurs: (matter: string) => boolean,
  random: Random,
): string | undefined {
  const isFrame = new Uint8Array(text.length)
  findFrame(text, (at, length) => isFrame.fill(1, at, at + length))
  const isMatter = (i: number): boolean => isFrame[i] === 0 && isHan(text.charCodeAt(i))
  const places: number[] = []
  for (let i = 0; i + 1 < text.length; i++) {
    if (isMatter(i) && isMatter(i + 1)) places.push(i)
  }
  const at = places[Math.floor(random() * places.length)]
  const foreign = FOREIGN_MATTERS.filter((matter) => !isOurs(matter))
  const matter = foreign[Math.floor(random() * foreign.length)]
  if (at === undefined || matter === undefined) return undefined
  let from = at
  let to = at + 2
  // The whole run, so that no half of a word is left to know it by; a long run is several words.
  while (from > 0 && isMatter(from - 1) && to - from < LONGEST_WORD) from--
  while (to < text.length && isMatter(to) && to - from < LONGEST_WORD) to++
  return text.slice(0, from) + matter + text.slice(to)
}

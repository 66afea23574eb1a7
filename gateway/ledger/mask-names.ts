/** Finds names of persons in Chinese words and masks them. Pure; who counts as named stands in `data/names.ts`. */
import {
  ADVERBS,
  AFFAIRS,
  AFTER_NAMES,
  DOUBLE_SURNAMES,
  ERRANDS,
  KIN,
  NEVER_GIVEN,
  ORDINARY_WORDS,
  ROLES,
  SURNAMES,
  TITLES,
} from './data/names.ts'

const MASK = '*'
const anyOf = (words: readonly string[]): string => `(?:${words.join('|')})`

const SURNAME = `(?:${DOUBLE_SURNAMES.join('|')}|[${SURNAMES}])`
const GIVEN = `(?:(?![${NEVER_GIVEN}])\\p{Script=Han})`
/** What nobody minds is no name: an ordinary word, or a family name with what one is called by beside it. */
const NO_NAME = `(?:${ORDINARY_WORDS.join('|')}|[${ADVERBS}]|${SURNAME}${anyOf(TITLES)})`
/** Behind 我叫 and 姓名 stands a name, whatever it may mean besides. */
const STATED = `(?!${SURNAME}${anyOf(TITLES)})${SURNAME}\\p{Script=Han}{1,3}?`
/** Elsewhere only what cannot be an ordinary word. */
const SUPPOSED = `(?!${NO_NAME})${SURNAME}${GIVEN}{1,2}?`
/** Where nothing says how long the name is: as long as most are. */
const OF_USUAL_LENGTH = `(?!${NO_NAME})${SURNAME}${GIVEN}{1,2}`
/** The name is over where the Chinese letters are, or where the sentence is known to go on. */
const GOES_ON = `(?=\\P{Script=Han}|$|${AFTER_NAMES.join('|')})`
/** On a ward the name stands beside it: 3床李建国, 李建国3床. */
const BED = '[0-9０-９]{1,3}号?床'
const OPENING = '[\\s“"‘「『《（(【\\[]*'

const STATED_NAME = new RegExp(
  `((?:(?:我|本人|他|她|${anyOf(ROLES)}|${anyOf(KIN)})(?:的?名字?)?(?:叫做?|名叫)|(?:姓名|名字)(?:是|叫做?|为|:|：|\\s)\\s*|(?:患者|病人|客户|学生)?姓名(?=${SURNAME}))${OPENING})(${STATED}${GOES_ON}|${OF_USUAL_LENGTH})`,
  'gu',
)
/** 我姓王，叫王小明; 我姓王名小明. */
const STATED_BEHIND_FAMILY = new RegExp(
  `(姓${SURNAME}[，,\\s]{0,2}(?:名字?叫|叫做?)${OPENING})(${STATED}${GOES_ON}|${OF_USUAL_LENGTH})`,
  'gu',
)
const GIVEN_BEHIND_FAMILY = new RegExp(
  `(姓${SURNAME}[，,\\s]{0,2}名(?![字额单次称])叫?${OPENING})(${GIVEN}{1,2}?)${GOES_ON}`,
  'gu',
)
const SUPPOSED_NAME = new RegExp(
  `((?:(?:我|本人|这|这位|他|她)是)${OPENING})(${SUPPOSED})${GOES_ON}`,
  'gu',
)
const NAME_OF_ROLE = new RegExp(
  `((?:${anyOf(ROLES)}(?:是|为|：|:)?|${anyOf(KIN)}是?|${BED}的?)${OPENING})(${SUPPOSED}${GOES_ON}|${OF_USUAL_LENGTH})`,
  'gu',
)
const ASKED_FOR = new RegExp(
  `(?<=^|[，,。！!？?；;、：:\\s]|${anyOf(ERRANDS)})(${SUPPOSED})(?=的${anyOf(AFFAIRS)}|住在?(?:哪|几|什么)|在(?:哪个?(?:病|床|班)|几(?:床|号|楼|病|班))|${BED}|\\s*(?:[\\d*]+\\s*)?(?:本人|要求|申请))`,
  'gu',
)
const HAN = /\p{Script=Han}/u

/**
 * The text with names masked that somebody says of himself (我叫, 我是), of kin (女儿叫), of a patient or
 * customer (患者…), or whose affairs are asked for (…的化验单).
 */
export function maskNames(text: string): string {
  if (!HAN.test(text)) return text
  const inPlace = (_: string, before: string, name: string) => before + maskName(name)
  return text
    .replace(STATED_NAME, inPlace)
    .replace(STATED_BEHIND_FAMILY, inPlace)
    .replace(GIVEN_BEHIND_FAMILY, (_, before: string, given: string) => before + masked(given))
    .replace(SUPPOSED_NAME, inPlace)
    .replace(NAME_OF_ROLE, inPlace)
    .replace(ASKED_FOR, (name) => maskName(name))
}

const masked = (letters: string): string => MASK.repeat([...letters].length)

/** 张三丰 → 张**, 欧阳锋 → 欧阳*, Mary → M***. */
export function maskName(name: string): string {
  const trimmed = name.trim()
  const letters = [...trimmed]
  if (letters.length <= 1) return MASK
  const isDouble =
    letters.length > 2 && DOUBLE_SURNAMES.some((surname) => trimmed.startsWith(surname))
  const kept = isDouble ? 2 : 1
  return letters.slice(0, kept).join('') + MASK.repeat(Math.min(3, letters.length - kept))
}

/** Chinese numerals in words or digits: 三百零五, 两千零二十六, 三十八度五 (as 38.5), 七点八, 一百二, 半. */

const DIGITS: Readonly<Record<string, number>> = {
  零: 0,
  〇: 0,
  一: 1,
  壹: 1,
  幺: 1,
  二: 2,
  贰: 2,
  两: 2,
  俩: 2,
  三: 3,
  叁: 3,
  仨: 3,
  四: 4,
  肆: 4,
  五: 5,
  伍: 5,
  六: 6,
  陆: 6,
  七: 7,
  柒: 7,
  八: 8,
  捌: 8,
  九: 9,
  玖: 9,
}
const UNITS: Readonly<Record<string, number>> = {
  十: 10,
  拾: 10,
  百: 100,
  佰: 100,
  千: 1000,
  仟: 1000,
}
const LARGE: Readonly<Record<string, number>> = { 万: 1e4, 萬: 1e4, 亿: 1e8 }

export const NUMERAL_CHARACTERS =
  '零〇一壹幺二贰两俩三叁仨四肆五伍六陆七柒八捌九玖十拾百佰千仟万萬亿'
const ENGLISH = 'zero one two three four five six seven eight nine ten eleven twelve'.split(' ')

/** No number said in words is longer; without a bound a long run costs its square to look through. */
const MAX_NUMERAL_CHARACTERS = 24

/** A numeral of any kind, for building patterns. */
export const NUMERAL = `(?:\\d+(?:\\.\\d+)?[万亿]?|\\b(?:${ENGLISH.slice(1).join('|')})\\b|[${NUMERAL_CHARACTERS}]{1,${MAX_NUMERAL_CHARACTERS}}(?:点[零〇一幺二三四五六七八九]+)?)`

const PLACE_NUMBER = new RegExp(`[${NUMERAL_CHARACTERS}][科室床楼层号区病诊]`, 'y')

/** Whether a numeral at `at` tells one place from its like: 骨二科 is a second ward, and not 儿科 misheard. */
export function numbersPlace(text: string, at: number): boolean {
  PLACE_NUMBER.lastIndex = at
  return PLACE_NUMBER.test(text)
}

const isDigit = (character: string): boolean => character in DIGITS

/** The number that `words` say, or undefined when they are no number. */
export function parseNumeral(words: string): number | undefined {
  const arabic = /^(\d+(?:\.\d+)?)([万亿]?)$/.exec(words)
  if (arabic) return Number(arabic[1]) * (LARGE[arabic[2] ?? ''] ?? 1)
  const english = ENGLISH.indexOf(words)
  if (english >= 0) return english
  const [whole = '', fraction, ...rest] = words.split('点')
  if (rest.length > 0 || whole === '') return undefined
  const integer = parseInteger(whole)
  if (integer === undefined || fraction === undefined) return integer
  if (fraction === '' || ![...fraction].every(isDigit)) return undefined
  const digits = [...fraction].map((digit) => DIGITS[digit]).join('')
  return Number(`${integer}.${digits}`)
}

/** 七八, 两三, 三五: about so many. */
const ROUGH = /^(?:一[二两]|[二两]三|三[两四五]|四五|五六|六七|七八|八九)$/

/**
 * As {@link parseNumeral}, for what is counted or measured: 七八岁 is about eight years and no number, 七八室 is
 * room 78. So the box asks back instead of reckoning with 78 years.
 */
export const parseCount = (words: string): number | undefined =>
  ROUGH.test(words) ? undefined : parseNumeral(words)

function parseInteger(words: string): number | undefined {
  const characters = [...words]
  if (characters.every(isDigit)) {
    // Read out digit by digit: a year, a room, a phone number.
    return Number(characters.map((character) => DIGITS[character]).join(''))
  }
  let total = 0
  let section = 0
  let digit: number | undefined
  let lastUnit = 0
  for (const character of characters) {
    if (isDigit(character)) {
      if (digit !== undefined && digit !== 0) return undefined
      digit = DIGITS[character]
      if (digit === 0) lastUnit = 0
      continue
    }
    const unit = UNITS[character]
    if (unit !== undefined) {
      if (digit === 0 || (digit === undefined && unit !== 10)) return undefined
      section += (digit ?? 1) * unit
      lastUnit = unit
      digit = undefined
      continue
    }
    const large = LARGE[character]
    if (large === undefined) return undefined
    const before = section + (digit ?? 0)
    if (before === 0 && total === 0) return undefined
    total = large > 1e4 ? (total + before) * large : total + before * large
    section = 0
    digit = undefined
    lastUnit = large
  }
  // A digit after a bare unit counts in the next lower one: 一百二 is 120, 一万五 is 15,000.
  if (digit !== undefined) section += lastUnit >= 100 ? (digit * lastUnit) / 10 : digit
  return total + section
}

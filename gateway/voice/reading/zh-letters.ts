/** Rules for Latin letters in Chinese text, and for money. */
import { addressAt } from './address.ts'
import type { MinusReader } from './minus.ts'
import { isDigit, isLetter, matchAt, oneOf, type Rule } from './scan.ts'
import type { UnitReader } from './unit-reader.ts'
import type { VoiceData } from './voice-data.ts'
import { digitsToZh, integerToZh } from './zh-number.ts'
import type { ZhQuantities } from './zh-quantity.ts'

const WORDS = /[A-Za-z]+(?:['’-][A-Za-z]+)*(?: [A-Za-z]+(?:['’-][A-Za-z]+)*)*/y
/** BP120/80 is no code: its figures are a pair. */
const CODE = /(?!(?:NI)?[Bb][Pp]\d+\/)([A-Za-z]{1,4})-?(\d+)(?!\d|[.:]\d|\s?%)/y
const CODE_TAIL = /-?([A-Za-z]{1,3}(?![A-Za-z])|\d+(?![A-Za-z\d]|[.:]\d))/y
/** L1-L4, A012-A020 */
const CODES_UP_TO = /\s?[-–~～—至到]\s?([A-Za-z]{1,2})(\d+)(?![A-Za-z\d]|[-.:]\d)/y
/** 3F, 3/F, 2F-201 */
const FLOOR = /([1-9]\d?)\/?F(?:-(\d{2,4}))?(?![A-Za-z\d])/y
/** Longer runs of capitals are headlines, not abbreviations. */
const MAX_ABBREVIATION_LETTERS = 5
const ENGLISH = 'en-US'

export interface ZhLetters {
  /** What begins with a digit and is no number: names, addresses, floors. */
  readonly beforeDigits: readonly Rule[]
  readonly letter: readonly Rule[]
  readonly money: Rule
}

export function createZhLetters(
  data: VoiceData,
  units: UnitReader,
  digits: ZhQuantities,
  isMinus: MinusReader,
): ZhLetters {
  const { zh } = data
  const sayings = new Map(data.latin.map((word) => [word.text, word.say]))
  const known = new RegExp(`(?:${oneOf([...sayings.keys()])})(?:(?<=\\.)|(?![A-Za-z0-9]))`, 'y')
  const basement = new RegExp(`B([1-9])(?=\\s?(?:${oneOf(zh.basement.units)}))`, 'y')
  const nameOf = currencyNames(data)
  const currency = currencyBefore(data)

  const word: Rule = ({ text, at, out }) => {
    const match = matchAt(known, text, at)
    if (match === null) return -1
    const say = sayings.get(match[0]) ?? ''
    if (say === 'letters') out.letters(match[0].replace(/[^A-Za-z]/g, ''))
    else if (say === 'word') out.foreign(match[0], ENGLISH)
    else out.alias(match[0], say)
    return at + match[0].length
  }

  const money: Rule = (scan) => {
    const match = matchAt(currency, scan.text, scan.at)
    if (match === null) return -1
    return digits.money(scan, scan.at + match[0].length, nameOf.get(match[1] ?? '') ?? '')
  }

  const compoundUnit: Rule = ({ text, at, out }) => {
    const unit = units.read(text, at, false)
    if (unit === undefined || !(unit.isCompound || text.slice(at, unit.end).includes('^')))
      return -1
    out.alias(text.slice(at, unit.end), unit.zh)
    return unit.end
  }

  const address: Rule = ({ text, at, out }) => {
    const found = addressAt(text, at)
    if (found === undefined) return -1
    const parts = found.parts.at(-1) === '/' ? found.parts.slice(0, -1) : found.parts
    for (const part of parts) {
      if (isDigit(part.charCodeAt(0))) out.say(digitsToZh(part))
      else if (isLetter(part.charCodeAt(0))) sayLatin(part, out)
      else out.say(part === '.' ? '点' : part === '@' ? '艾特' : part === '/' ? '斜杠' : '杠')
    }
    return found.end
  }

  const floorBelow: Rule = ({ text, at, out }) => {
    const match = matchAt(basement, text, at)
    if (match === null) return -1
    out.say(zh.basement.prefix + integerToZh(match[1] ?? ''))
    return at + match[0].length
  }

  /** A4, B12, A102, T3-2, H7N9; what has a unit behind it is a measured value: CRP12mg/L. */
  const code: Rule = ({ text, at, out }) => {
    const match = matchAt(CODE, text, at)
    if (match === null || units.isMeasure(text, at + match[0].length)) return -1
    if (isMinus(text, at + (match[1] ?? '').length)) return -1
    out.letters((match[1] ?? '').toUpperCase())
    sayCodeDigits(match[2] ?? '', out)
    let end = at + match[0].length
    const last = matchAt(CODES_UP_TO, text, end)
    if (last !== null) {
      out.say('到')
      out.letters((last[1] ?? '').toUpperCase())
      sayCodeDigits(last[2] ?? '', out)
      return end + last[0].length
    }
    for (
      let tail = matchAt(CODE_TAIL, text, end);
      tail !== null;
      tail = matchAt(CODE_TAIL, text, end)
    ) {
      const part = tail[1] ?? ''
      if (isDigit(part.charCodeAt(0))) {
        if (tail[0].startsWith('-')) out.say('杠')
        sayCodeDigits(part, out)
      } else out.letters(part.toUpperCase())
      end += tail[0].length
    }
    return end
  }

  const latin: Rule = ({ text, at, out }) => {
    const match = matchAt(WORDS, text, at)
    if (match === null) return -1
    const run = match[0]
    const first = run.search(/[ ]/) < 0 ? run : run.slice(0, run.indexOf(' '))
    if (isAbbreviation(first)) {
      sayLatin(first, out)
      return at + first.length
    }
    out.foreign(run, ENGLISH)
    return at + run.length
  }

  /** 3F: the lift's name of a floor. */
  const floor: Rule = ({ text, at, out }) => {
    const match = matchAt(FLOOR, text, at)
    if (match === null) return -1
    out.say(`${integerToZh(match[1] ?? '')}楼${digitsToZh(match[2] ?? '')}`)
    return at + match[0].length
  }

  return {
    beforeDigits: [word, address, floor],
    letter: [word, money, floorBelow, address, compoundUnit, code, latin],
    money,
  }
}

const currencyNames = (data: VoiceData) =>
  new Map(
    data.units.currencies.flatMap((each) =>
      each.symbols.map((symbol) => [symbol, each.zh] as const),
    ),
  )

/** The sign or code of a currency with its figure behind it. */
export const currencyBefore = (data: VoiceData): RegExp =>
  new RegExp(`(${oneOf([...currencyNames(data).keys()])})\\s?(?=\\d)`, 'y')

function sayCodeDigits(digits: string, out: { say(words: string): void }): void {
  out.say(digits.length > 2 || digits.startsWith('0') ? digitsToZh(digits) : integerToZh(digits))
}

function sayLatin(
  part: string,
  out: { letters(text: string): void; foreign(text: string, lang: string): void },
): void {
  if (isAbbreviation(part)) out.letters(part.replace(/[^A-Za-z]/g, ''))
  else out.foreign(part, ENGLISH)
}

const isAbbreviation = (word: string) =>
  word.length === 1 ||
  (/^[A-Z]+$/.test(word) && word.length <= MAX_ABBREVIATION_LETTERS) ||
  !/[aeiouyAEIOUY]/.test(word)

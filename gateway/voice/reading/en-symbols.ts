/** Rules for signs in English text. */
import { digitsToEn, ordinalToEn } from './en-number.ts'
import type { MinusReader } from './minus.ts'
import { phoneAt } from './phone-number.ts'
import { matchAt, oneOf, type Rule, type Scan } from './scan.ts'
import type { UnitReader } from './unit-reader.ts'
import type { ReadingEn } from './voice-data.ts'

const HANZI = /[\u3400-\u9fff][\u3000-\u303f\u3400-\u9fff]*/y
const SENTENCE_END = /(?:[!?;。！？；…\n]+|\.)["'”’)]*(?=\s|$)\s*|\n\s*/y
/** Short words before a stop that do not end a sentence. */
const TITLES =
  /(?:^|\s)(?:Dr|Mr|Mrs|Ms|Prof|St|No|no|vs|e\.g|i\.e|approx|[Ee]xt|[Tt]el|Rm|Bldg|Fig)$/
/** report.pdf; in `10mg.Repeat` a sentence begins, and e.g. is a word. */
const INNER_DOT = /(?<=[A-Za-z\d]{2})\.(?=[a-z]{2})/y
/** H. pylori */
const SPECIES = /(?<=(?:^|\s)[A-Z])\. ?(?=[a-z])/y
const POWER = /\^(\d{1,2})(?!\d)/y
const CHINESE = 'zh-CN'
/** `O-`, `4-`: behind it stands nothing that it could join, as in "5- or 10-day". */
const LOOSE_MINUS = /-(?=$|[\s.,;)])(?!\s+(?:(?:and|or|to|through)\b|\d))/y
const MARKED = /(?:\d|(?:^|[^A-Za-z])[A-Z]{1,3})$/
/** A wave before a figure says no more than these. */
const ABOUT = /\b(?:about|around|approx\.?|approximately)\s*$/i
/** A figure with its unit, whatever the unit: 5 miles. */
const AMOUNT = /\d\s?[A-Za-z%°/]{0,8}$/
const SHARE = /\d+(?:\.\d+)?\s?[%‰°℃]/y
/** is-3.5: behind a word that may be a minus or not. */
const PART = /\d+\.\d/y
const LONGEST_DAY_CHARS = 16
const TITLE_LOOK_BACK_CHARS = 8
/** How far from a figure its slash may stand: 350 copies/mL. */
const MAX_COUNTED_CHARS = 12

export function createEnSymbols(
  en: ReadingEn,
  units: UnitReader,
  isMinus: MinusReader,
  money: Rule,
): readonly Rule[] {
  const perAfter = new RegExp(`(?:${oneOf(en.perAfter)})(?![A-Za-z])`, 'y')

  const sentenceEnd: Rule = ({ text, at, out }) => {
    const match = matchAt(SENTENCE_END, text, at)
    if (match === null || matchAt(SPECIES, text, at) !== null) return -1
    if (TITLES.test(text.slice(Math.max(0, at - TITLE_LOOK_BACK_CHARS), at))) return -1
    out.say(match[0].trim())
    out.end()
    return at + match[0].length
  }

  const day = `(?:${oneOf([...en.weekdays, ...en.months, ...en.monthShort])})`
  const dayBefore = new RegExp(`(?<![A-Za-z])${day}\\.?\\s?$`)
  const dayAfter = new RegExp(`\\s?${day}(?![A-Za-z])`, 'y')
  /** Mon-Fri, Nov–Dec, Nov 28-Dec 3 */
  const isDaysRange = ({ text, at, numberEnd }: Scan) =>
    /[-–—~]/.test(text.charAt(at)) &&
    matchAt(dayAfter, text, at + 1) !== null &&
    (numberEnd === at || dayBefore.test(text.slice(Math.max(0, at - LONGEST_DAY_CHARS), at)))
  /** Nov 28-5°C: a day does not lead up to a share or a temperature. */
  const dayOfMonthBefore = new RegExp(`(?<![A-Za-z])${day}\\.?\\s\\d{1,2}$`)
  const isAfterDay = (text: string, at: number) =>
    text.charAt(at) === '-' &&
    matchAt(SHARE, text, at + 1) !== null &&
    dayOfMonthBefore.test(text.slice(Math.max(0, at - LONGEST_DAY_CHARS), at))

  const dash: Rule = (scan) => {
    const { text, at, out, numberEnd } = scan
    const sign = text.charAt(at)
    if (isDaysRange(scan)) {
      out.sayWord('to ')
      return at + 1
    }
    if (matchAt(LOOSE_MINUS, text, at) !== null && MARKED.test(text.slice(0, at))) {
      out.sayWord('minus')
      return at + 1
    }
    if (!/[-–—~～]/.test(sign) || !/\d|[¥￥$€£]/.test(text.charAt(at + 1))) return -1
    const isJoined = /[A-Za-z0-9]/.test(text.charAt(at - 1))
    const isUpTo = /[~～]/.test(sign) && AMOUNT.test(text.slice(Math.max(0, at - 12), at))
    if (isAfterDay(text, at)) out.sayWord('minus ')
    else if (numberEnd === at || isUpTo) out.sayWord('to ')
    else if (/[~～]/.test(sign)) out.sayWord(ABOUT.test(text.slice(0, at)) ? '' : 'about ')
    else if (!isJoined || isMinus(text, at)) out.sayWord('minus ')
    else out.say(matchAt(PART, text, at + 1) === null ? ' ' : ' dash ')
    return at + 1
  }

  /** `cells/μL`, `120 mg/24 h`, `150 mg/day`: per; between figures or letters the slash itself. */
  const slash: Rule = (scan) => {
    const { text, at, out } = scan
    if (text.charAt(at) !== '/') return -1
    const isCounted = scan.numberEnd >= 0 && at - scan.numberEnd <= MAX_COUNTED_CHARS
    const unit = units.read(text, at + 1, true)
    if (units.hasFigureBelow(text, at) || (isCounted && matchAt(perAfter, text, at + 1) !== null)) {
      out.sayWord('per ')
      return at + 1
    }
    if (unit && (isCounted || units.isMeasure(text, at + 1))) {
      out.sayWord(`per ${unit.enOne}`)
      return unit.end
    }
    if (!/\d/.test(text.charAt(at - 1) + text.charAt(at + 1)) && !isLoneLetter(text, at)) return -1
    out.sayWord(`${en.slash.sign} `)
    return at + 1
  }

  const phone: Rule = ({ text, at, out }) => {
    const number = /[+(]/.test(text.charAt(at)) ? phoneAt(text, at) : undefined
    if (number === undefined) return -1
    out.groups(number.groups.map(digitsToEn), true)
    return number.end
  }

  const foreign: Rule = ({ text, at, out }) => {
    const match = matchAt(HANZI, text, at)
    if (match === null) return -1
    out.foreign(match[0], CHINESE)
    return at + match[0].length
  }

  const symbol: Rule = ({ text, at, out }) => {
    const char = text.charAt(at)
    const power = matchAt(POWER, text, at)
    if (power !== null) {
      out.say(` to the ${ordinalToEn(power[1] ?? '')}`)
      return at + power[0].length
    }
    if (char === '#' && /\d/.test(text.charAt(at + 1))) {
      out.sayWord('number ')
      return at + 1
    }
    if (matchAt(INNER_DOT, text, at) !== null) {
      out.sayWord('dot ')
      return at + 1
    }
    const say = en.symbols[char]
    if (say === undefined) out.say(/[,.:'()]/.test(char) ? char : '')
    else if (/^[a-z]/.test(say)) out.sayWord(`${say} `)
    else out.say(say)
    return at + 1
  }

  return [sentenceEnd, phone, money, dash, slash, foreign, symbol]
}

const isLoneLetter = (text: string, at: number) =>
  /(?:^|[^A-Za-z])[A-Za-z]$/.test(text.slice(Math.max(0, at - 2), at)) ||
  /^[A-Za-z](?![A-Za-z])/.test(text.slice(at + 1, at + 3))

/** Rules for what begins with a digit in English text. */
import {
  decimalToEn,
  digitsToEn,
  integerToEn,
  ordinalToEn,
  timeToEn,
  yearToEn,
} from './en-number.ts'
import { createPhoneWordsEn, LINK_TO_NUMBER } from './en-phone-words.ts'
import { createEnSlash } from './en-slash.ts'
import { isNextBelowZero } from './minus.ts'
import { groupDigits, localPhoneAt, phoneAt } from './phone-number.ts'
import { isNamed, matchAt, oneOf, type Rule, type Scan } from './scan.ts'
import type { UnitReader } from './unit-reader.ts'
import type { VoiceData } from './voice-data.ts'

const DATE = /(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)(?:[T ]+(?=\d{1,2}:))?/y
const TIME =
  /([01]?\d|2[0-4])[:：]([0-5]\d)(?::[0-5]\d)?(?!\d|,\d{3})(?:Z|\+\d\d:\d\d)?(?:\s*([aApP])\.?[mM]\b\.?)?/y
const HOUR = /(1[0-2]|0?[1-9])\s*([aApP])\.?[mM]\b\.?/y
/** Parts of a mixture; `150-199: 2u` lists what is given for which value. */
const RATIO = /(\d+(?:\.\d+)?)(?::| : )(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)/y
const DOTTED = /\d+(?:\.\d+){2,}/y
const CHAIN = /\d+(?:-\d+){2,}/y
const ORDINAL = /(\d+)(?:st|nd|rd|th)\b/y
/** 3F, 3/F, 2F-201 */
const FLOOR = /([1-9]\d?)\/?F(?:-(\d{2,4}))?\b/y
const NUMBER = /(\d{1,3}(?:,\d{3})+(?!\d)|\d+)(\.\d+)?/y
const RANGE = /\s?[-~–—]\s?(\d{1,3}(?:,\d{3})+(?!\d)|\d+)(\.\d+)?(?![\d:]|[-/.]\d| \d+\/\d)/y
const POWER = /\^(-?)(\d+)|\*(-?)(\d+)(?=\/)/y
const PERCENT = /\s?([%‰])/y
const TIMES = /\s?[×xX*]\s?(?=\d)/y
const LETTERS_AFTER = /-?([A-Z]{1,2})\b/y
/** How far back a word such as "room" may stand before its number. */
const LOOK_BACK_CHARS = 24
/** "or" or "ext." between two telephone numbers. */
const PHONE_JOIN_CHARS = 6
/** ****1234: the end of a card's number. */
const MASKED = /[*xX]{2,}\s?$/
const MIN_CODE_DIGITS = 3

export interface EnDigits {
  readonly rules: readonly Rule[]
  quantity(scan: Scan, at: number): number
  /** Money after a currency sign; `name` is singular and plural. */
  money(scan: Scan, at: number, name: readonly [string, string]): number
}

export function createEnDigits(data: VoiceData, units: UnitReader): EnDigits {
  const { en } = data
  const codeBefore = new RegExp(`(?:^|[^A-Za-z])(?:${oneOf(en.codeBefore)})${LINK_TO_NUMBER}`, 'i')
  const phoneWords = createPhoneWordsEn(en)
  const yearBefore = new RegExp(`(?:^|[^A-Za-z])(?:${oneOf(en.yearBefore)})\\s+$`, 'i')
  const ratioBefore = new RegExp(`\\b(?:${oneOf(en.ratioBefore)})\\s+$`, 'i')
  const ratioAfter = new RegExp(`\\s(?:${oneOf(en.ratioAfter)})\\b`, 'iy')
  const months = [...en.months, ...en.monthShort]
  const monthAfter = new RegExp(
    `(\\d{1,2})(?:[-–](\\d{1,2}))?\\s+(${oneOf(months)})(?![A-Za-z])\\.?(?:,?\\s+((?:19|20)\\d\\d)(?!\\d))?`,
    'y',
  )
  const emergency = new Set(en.emergency)
  const before = (text: string, at: number) => text.slice(Math.max(0, at - LOOK_BACK_CHARS), at)

  const date: Rule = (scan) => {
    const { text, at, out } = scan
    const match = matchAt(DATE, text, at)
    if (match === null) return -1
    const [all, year = '', , month = '', day = ''] = match
    const name = en.months[Number(month) - 1]
    if (name === undefined || Number(day) < 1 || Number(day) > 31) return -1
    out.sayWord(`${name} ${ordinalToEn(day)}, ${yearToEn(year)}`)
    scan.numberEnd = at + all.length
    return scan.numberEnd
  }

  /** 1 May, 28 Nov 2026 */
  const dayOfMonth: Rule = (scan) => {
    const { text, at, out } = scan
    const match = matchAt(monthAfter, text, at)
    const [all = '', day = '', last, name = '', year] = match ?? []
    if (match === null || Number(day) > 31) return -1
    const month = en.months[months.indexOf(name) % en.months.length]
    const days = ordinalToEn(day) + (last === undefined ? '' : ` to ${ordinalToEn(last)}`)
    out.sayWord(`${days} of ${month}${year === undefined ? '' : `, ${yearToEn(year)}`}`)
    scan.numberEnd = at + all.length
    return scan.numberEnd
  }

  const phone: Rule = (scan) => {
    const { text, at } = scan
    const ahead = before(text, at)
    const number =
      phoneAt(text, at) ?? localPhoneAt(text, at, () => phoneWords.isLocalBehind(ahead))
    if (number === undefined) return -1
    scan.out.groups(number.groups.map(digitsToEn), true)
    scan.phoneEnd = number.end
    return number.end
  }

  const time: Rule = (scan) => {
    const { text, at, out } = scan
    if (isRatio(text, at)) return -1
    const match = notGiven(text, matchAt(TIME, text, at))
    const hourOnly = match === null ? matchAt(HOUR, text, at) : null
    if (match !== null) out.sayWord(timeToEn(match[1] ?? '', match[2] ?? '', match[3]))
    else if (hourOnly !== null) out.sayWord(timeToEn(hourOnly[1] ?? '', '00', hourOnly[2]))
    const length = (match ?? hourOnly)?.[0].length
    if (length === undefined) return -1
    scan.numberEnd = at + length
    return scan.numberEnd
  }

  /** A dose behind the colon is neither a time nor a part of a mixture: `>250:6u`. */
  const notGiven = (text: string, match: RegExpExecArray | null) =>
    match !== null &&
    (isNamed(text, match.index) || units.isAmount(text, match.index + match[0].length))
      ? null
      : match

  /** Parts of a mixture and no time of day, by the words around them. */
  const isRatio = (text: string, at: number): boolean => {
    const match = matchAt(RATIO, text, at)
    if (match === null) return false
    return (
      ratioBefore.test(before(text, at)) || matchAt(ratioAfter, text, at + match[0].length) !== null
    )
  }

  const ratio: Rule = ({ text, at, out }) => {
    const match = notGiven(text, matchAt(RATIO, text, at))
    if (match === null) return -1
    out.sayWord(
      `${decimalToEn(match[1] ?? '')} to ${decimalToEn((match[2] ?? '').replaceAll(',', ''))}`,
    )
    return at + match[0].length
  }

  const dotted: Rule = ({ text, at, out }) => {
    const match = matchAt(DOTTED, text, at)
    if (match === null) return -1
    out.sayWord(match[0].split('.').map(digitsToEn).join(' point '))
    return at + match[0].length
  }

  const chain: Rule = ({ text, at, out }) => {
    const match = matchAt(CHAIN, text, at)
    if (match === null) return -1
    const groups = match[0].split('-').map(digitsToEn)
    out.groups(groups, match[0].length - groups.length >= 7)
    return at + match[0].length
  }

  const ordinal: Rule = ({ text, at, out }) => {
    const floor = matchAt(FLOOR, text, at)
    const match = floor ?? matchAt(ORDINAL, text, at)
    if (match === null) return -1
    out.sayWord(ordinalToEn(match[1] ?? '') + (floor === null ? '' : ' floor'))
    if (floor?.[2] !== undefined) out.sayWord(digitsToEn(floor[2]))
    return at + match[0].length
  }

  const code: Rule = (scan) => {
    const { text, at, out } = scan
    const match = matchAt(/\d+(?![\d.,]\d|%)/y, text, at)
    if (match === null) return -1
    const digits = match[0]
    const end = at + digits.length
    const ahead = before(text, at)
    const isLong = digits.length >= 7 && !digits.endsWith('0000')
    const isPhone = digits.length >= MIN_CODE_DIGITS && phoneWords.isBehind(ahead)
    const isAfterPhone = scan.phoneEnd >= 0 && at - scan.phoneEnd <= PHONE_JOIN_CHARS
    const isJoined = emergency.has(digits) && (isAfterPhone || isAlsoCalled(text, at, end))
    const isCode =
      digits.length >= MIN_CODE_DIGITS &&
      (codeBefore.test(ahead) || MASKED.test(ahead) || text.startsWith('**', end))
    if (/^(?:19|20)\d\d$/.test(digits) && yearBefore.test(ahead)) out.sayWord(yearToEn(digits))
    else if (isPhone || isJoined) {
      out.groups(groupDigits(digits).map(digitsToEn), true)
      scan.phoneEnd = end
    } else if (isCode || isLong || (digits.length > 1 && digits.startsWith('0'))) {
      out.groups(groupDigits(digits).map(digitsToEn), false)
      // An extension belongs to its number.
      if (isCode && isAfterPhone) scan.phoneEnd = end
    } else return -1
    scan.numberEnd = end
    return end
  }

  /** "Call the desk or 120"; no pulse and no dose. */
  const isAlsoCalled = (text: string, at: number, end: number) =>
    phoneWords.isBehindOr(text, at) &&
    units.read(text, text.charAt(end) === ' ' ? end + 1 : end, true) === undefined

  function quantity(scan: Scan, at: number): number {
    const { text, out } = scan
    const match = matchAt(NUMBER, text, at)
    if (match === null) return -1
    const low = match[0].replaceAll(',', '')
    let end = at + match[0].length
    const range = isNextBelowZero(text, at, end) ? null : matchAt(RANGE, text, end)
    const high = range?.[0].replace(/^[^\d]+/, '').replaceAll(',', '')
    out.sayWord(decimalToEn(low))
    if (range !== null && high !== undefined) {
      const isRoom = high.length > 2 && low.length <= 2 && codeBefore.test(before(text, at))
      const isUp = Number(high) > Number(low) && !/^0\d/.test(high) && !isRoom
      out.say(
        ` ${isUp ? 'to' : 'dash'} ${/^0\d/.test(high) || isRoom ? digitsToEn(high) : decimalToEn(high)}`,
      )
      end += range[0].length
    }
    const percent = matchAt(PERCENT, text, end)
    if (percent !== null) {
      out.say(percent[1] === '%' ? ' percent' : ' per mille')
      end += percent[0].length
    } else end = unitAfter(scan, end, (high ?? low) === '1')
    scan.numberEnd = end
    return end
  }

  function unitAfter(scan: Scan, from: number, isOne: boolean): number {
    const { text, out } = scan
    let end = from
    const power = matchAt(POWER, text, end)
    if (power !== null) {
      const sign = power[1] === '-' || power[3] === '-' ? 'minus ' : ''
      out.say(` to the ${sign}${ordinalToEn(power[2] ?? power[4] ?? '')}`)
      end += power[0].length
    }
    const slash = power !== null && text.charAt(end) === '/'
    const start = slash || text.charAt(end) === ' ' ? end + 1 : end
    const unit = units.read(text, start, true)
    if (
      unit !== undefined &&
      !(
        text.charAt(end) === ' ' &&
        /^[a-zA-Z]\s/.test(text.slice(start, start + 2)) &&
        !/^[gLlUuhd]/.test(text.charAt(start))
      )
    ) {
      out.say(slash ? ` per ${unit.enOne}` : ` ${isOne ? unit.enOne : unit.enMany}`)
      end = unit.end
    } else {
      const suffix = matchAt(LETTERS_AFTER, text, end)
      if (suffix !== null) {
        out.say(' ')
        out.letters(suffix[1] ?? '')
        end += suffix[0].length
      }
    }
    const times = matchAt(TIMES, text, end)
    if (times === null) return end
    out.say(' times ')
    return end + times[0].length
  }

  function money(scan: Scan, at: number, name: readonly [string, string]): number {
    const { text, out } = scan
    const match = matchAt(NUMBER, text, at)
    if (match === null) return -1
    const [whole = '0', places = ''] = match[0].replaceAll(',', '').split('.')
    const range = matchAt(RANGE, text, at + match[0].length)
    scan.numberEnd = at + match[0].length + (range?.[0].length ?? 0)
    if (range !== null) {
      const high = range[0].replace(/^[^\d]+/, '').replaceAll(',', '')
      out.sayWord(`${decimalToEn(match[0].replaceAll(',', ''))} to ${decimalToEn(high)} ${name[1]}`)
    } else if (places === '' || Number(places) === 0 || places.length > 2) {
      const amount = places.length > 2 ? `${whole}.${places}` : whole
      out.sayWord(`${decimalToEn(amount)} ${amount === '1' ? name[0] : name[1]}`)
    } else {
      out.sayWord(
        `${integerToEn(whole)} ${whole === '1' ? name[0] : name[1]} ${integerToEn(places.padEnd(2, '0'))}`,
      )
    }
    return scan.numberEnd
  }

  const rules: readonly Rule[] = [
    date,
    phone,
    time,
    ...createEnSlash(en, units),
    ratio,
    dayOfMonth,
    ordinal,
    dotted,
    chain,
    code,
    (scan) => quantity(scan, scan.at),
  ]
  return { rules, quantity, money }
}

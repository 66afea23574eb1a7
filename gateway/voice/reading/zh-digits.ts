/** Rules for what begins with a digit in Chinese text. */
import { groupDigits, localPhoneAt, phoneAt } from './phone-number.ts'
import { isNamed, matchAt, oneOf, type Rule, type Scan } from './scan.ts'
import type { UnitReader } from './unit-reader.ts'
import type { VoiceData } from './voice-data.ts'
import type { ZhContext } from './zh-context.ts'
import { dayToZh, decimalToZh, digitsToZh, integerToZh, timeToZh, yearToZh } from './zh-number.ts'
import { CODE_JOIN, NUMBER, type ZhQuantities } from './zh-quantity.ts'
import { createZhSlash } from './zh-slash.ts'

const DATE =
  /(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?![\d])(?:[-–~～—至到](\d{1,2})\2(\d{1,2})(?![\d.]))?(?:[T ]+(?=\d{1,2}:))?/y
const YEAR_MONTH = /(\d{4})-(0[1-9]|1[0-2])(?![\d-])/y
const MONTH_DAY = /(0?[1-9]|1[0-2])月(0?[1-9]|[12]\d|3[01])(?=[日号])/y
const TIME =
  /([01]?\d|2[0-4])[:：]([0-5]\d)(?:[:：]([0-5]\d))?(?!\d|,\d{3})(?:Z|\+\d\d:\d\d)?\s*(?:([aApP])\.?[mM]\b\.?)?/y
const HOUR = /(1[0-2]|0?[1-9])\s?([aApP])\.?[mM](?![A-Za-z])\.?/y
/** Parts of a mixture; `150-199: 2u` lists what is given for which value. */
const RATIO =
  /(\d+(?:\.\d+)?)(?:\s?：\s?|:| : )(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?:[:：](\d+(?:\.\d+)?))?/y
const DOTTED = /\d+(?:\.\d+){2,}/y
const CHAIN = /\d+(?:-\d+){2,}/y
const CODE_TAIL = /-(\d{2,})(?![\d.]|[\u4e00-\u9fff])/y
const SHORT_UNIT_OF_TIME = /[月日号点时分秒]/y

export function createZhDigits(
  data: VoiceData,
  units: UnitReader,
  context: ZhContext,
  quantities: ZhQuantities,
): readonly Rule[] {
  const taken = new RegExp(`\\s?(?:${oneOf(data.zh.slash.taken)})`, 'y')
  const { dayPart } = data.zh

  const date: Rule = (scan) => {
    const { text, at, out } = scan
    const full = matchAt(DATE, text, at)
    if (full !== null) {
      const [all, year = '', , month = '', day = '', lastMonth, lastDay] = full
      if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > 31) return -1
      out.say(`${yearToZh(year)}年${dayToZh(month, day)}`)
      if (lastMonth !== undefined) out.say(`到${dayToZh(lastMonth, lastDay ?? '')}`)
      scan.numberEnd = at + all.length
      return scan.numberEnd
    }
    const short = matchAt(YEAR_MONTH, text, at)
    if (short === null) return -1
    out.say(`${yearToZh(short[1] ?? '')}年${integerToZh(short[2] ?? '')}月`)
    return at + short[0].length
  }

  const monthDay: Rule = ({ text, at, out }) => {
    const match = matchAt(MONTH_DAY, text, at)
    if (match === null) return -1
    out.say(`${integerToZh(match[1] ?? '')}月${integerToZh(match[2] ?? '')}`)
    return at + match[0].length
  }

  const phone: Rule = (scan) => {
    const { text, at } = scan
    const number =
      phoneAt(text, at) ??
      localPhoneAt(text, at, (end) => context.isPhoneAhead(text, at) || text.charAt(end) === '转')
    if (number === undefined) return -1
    scan.out.groups(
      number.groups.map((group) => digitsToZh(group, true)),
      true,
    )
    scan.phoneEnd = number.end
    return number.end
  }

  /** A dose behind the colon is neither a time nor a part of a mixture: 血糖>10：4u. */
  const notGiven = (text: string, match: RegExpExecArray | null) => {
    const end = match === null ? -1 : match.index + match[0].length
    if (match !== null && isNamed(text, match.index)) return null
    return units.isAmount(text, end) || matchAt(taken, text, end) !== null ? null : match
  }

  const time: Rule = (scan) => {
    const match = notGiven(scan.text, matchAt(TIME, scan.text, scan.at))
    if (match === null || context.isRatio(scan.text, scan.at, scan.at + match[0].length)) return -1
    const [all, hour = '', minute = '', second, half12] = match
    sayDayPart(scan, half12)
    scan.out.say(timeToZh(hour, minute, second))
    scan.numberEnd = scan.at + all.length
    return scan.numberEnd
  }

  const hour: Rule = (scan) => {
    const match = matchAt(HOUR, scan.text, scan.at)
    if (match === null) return -1
    sayDayPart(scan, match[2])
    scan.out.say(timeToZh(match[1] ?? '', '00'))
    scan.numberEnd = scan.at + match[0].length
    return scan.numberEnd
  }

  function sayDayPart({ text, at, out }: Scan, half12: string | undefined): void {
    if (half12 === undefined) return
    const part = /a/i.test(half12) ? dayPart.am : dayPart.pm
    if (!text.slice(0, at).trimEnd().endsWith(part)) out.say(part)
  }

  const ratio: Rule = ({ text, at, out }) => {
    const match = notGiven(text, matchAt(RATIO, text, at))
    if (match === null) return -1
    const parts = match.slice(1).filter((part) => part !== undefined)
    out.say(parts.map((part) => decimalToZh(part.replaceAll(',', ''))).join('比'))
    return at + match[0].length
  }

  const dotted: Rule = ({ text, at, out }) => {
    const match = matchAt(DOTTED, text, at)
    if (match === null) return -1
    out.say(
      match[0]
        .split('.')
        .map((part) => digitsToZh(part))
        .join('点'),
    )
    return at + match[0].length
  }

  /** 1-2-302: building, entrance, room. */
  const chain: Rule = ({ text, at, out }) => {
    const match = matchAt(CHAIN, text, at)
    if (match === null) return -1
    const parts = match[0].split('-')
    const isLong = match[0].length - parts.length >= 7
    const spoken = parts.map((part) =>
      isLong || part.length > 2 ? digitsToZh(part, isLong) : integerToZh(part),
    )
    if (isLong) out.groups(spoken, true)
    else out.say(spoken.join(CODE_JOIN))
    return at + match[0].length
  }

  /** Digits that name rather than count. */
  /** 20261128-0001 */
  function codeTail(scan: Scan, end: number): number {
    const tail = matchAt(CODE_TAIL, scan.text, end)
    if (tail === null) return end
    scan.out.say(CODE_JOIN + digitsToZh(tail[1] ?? ''))
    return end + tail[0].length
  }

  const code: Rule = (scan) => {
    const { text, at, out } = scan
    const match = matchAt(NUMBER, text, at)
    if (match === null || match[2] !== undefined || match[0].includes(',')) return -1
    const digits = match[0]
    const end = at + digits.length
    if (context.isYear(text, digits, end)) {
      out.say(yearToZh(digits))
    } else if (context.isCode(text, at, end)) {
      out.groups(
        groupDigits(digits).map((group) => digitsToZh(group)),
        false,
      )
      return codeTail(scan, end)
    } else if (context.isPhone(scan, end)) {
      out.groups(
        groupDigits(digits).map((group) => digitsToZh(group, true)),
        true,
      )
      scan.phoneEnd = end
    } else if (digits.length > 1 && digits.startsWith('0')) {
      const isTime = matchAt(SHORT_UNIT_OF_TIME, text, end) !== null && digits.length === 2
      out.say(isTime ? integerToZh(digits) : digitsToZh(digits))
    } else if (digits.length >= 7 && !digits.endsWith('0000') && !context.hasMeasure(text, end)) {
      out.groups(
        groupDigits(digits).map((group) => digitsToZh(group)),
        false,
      )
    } else {
      return -1
    }
    scan.numberEnd = end
    return end
  }

  return [
    date,
    phone,
    time,
    hour,
    ...createZhSlash(data.zh, units),
    ratio,
    monthDay,
    dotted,
    chain,
    code,
    (scan) => quantities.quantity(scan, scan.at),
  ]
}

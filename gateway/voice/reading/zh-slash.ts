/** Figures with a slash between, in Chinese. */
import { isNamed, matchAt, oneOf, type Rule, type Scan } from './scan.ts'
import { type CalendarDay, createSlashReader } from './slash-pair.ts'
import type { UnitReader } from './unit-reader.ts'
import type { ReadingZh } from './voice-data.ts'
import { dayToZh, digitsToZh, integerToZh, yearToZh } from './zh-number.ts'
import { skipSpace } from './zh-quantity.ts'

/** `1 1/2`, and `1-1/2`, since nobody counts down to a part. */
const MIXED = /(\d+)(?: (\d+)\/(\d+)|-([1-7])\/([2348]))(?![\d/.])/y

/** Rules for `1 1/2` and `1/2`; the first that fits is taken. */
export function createZhSlash(zh: ReadingZh, units: UnitReader): readonly Rule[] {
  const readAt = createSlashReader(zh.slash)
  const half = new RegExp(`\\s?(?:${oneOf(zh.half.units)})`, 'y')
  const page = new RegExp(`\\s?(?:${oneOf(zh.slash.pageUnits)})`, 'y')
  const { pressure, slash } = zh
  const day = ({ month, day, year }: CalendarDay) =>
    (year === undefined ? '' : `${yearToZh(year)}年`) + dayToZh(month, day)

  const mixed: Rule = (scan) => {
    const { text, at, out } = scan
    const match = matchAt(MIXED, text, at)
    const [all = '', whole = '', ...part] = match ?? []
    const [top = '', bottom = ''] = part.filter((figure) => figure !== undefined)
    if (match === null || Number(top) >= Number(bottom) || isNamed(scan.text, scan.at)) return -1
    out.say(`${integerToZh(whole)}又${integerToZh(bottom)}分之${integerToZh(top)}`)
    scan.numberEnd = at + all.length
    return skipSpace(text, scan.numberEnd)
  }

  const pair: Rule = (scan) => {
    const { text, at, out } = scan
    const read = readAt(text, at)
    if (read === undefined) return -1
    const { end } = read
    scan.numberEnd = end
    switch (read.kind) {
      case 'days':
        out.say(read.days.map(day).join('到'))
        return /[日号]/.test(text.charAt(end)) ? end + 1 : end
      case 'written':
        out.say(read.parts.map(figure).join(slash.sign))
        return unitAfter(scan, end)
      case 'pressure': {
        out.say(`${pressure.high}${integerToZh(read.first)}，${pressure.low}`)
        out.say(integerToZh(read.second))
        const unit = units.read(text, skipSpace(text, end), true)
        if (unit === undefined || !unit.isPressure) return end
        out.say(unit.zh)
        return unit.end
      }
      case 'score':
        out.say(`${integerToZh(read.first)}分，${slash.outOf}${integerToZh(read.second)}`)
        if (text.charAt(end) !== '分') out.say('分')
        return end
      case 'page': {
        const unit = matchAt(page, text, end)?.[0].trim() ?? ''
        out.say(`${integerToZh(read.first)}${unit}，${slash.total}`)
        out.say(integerToZh(read.second, unit === '' ? '二' : '两'))
        return end
      }
      case 'part':
        if (read.first === '1' && read.second === '2' && matchAt(half, text, end)) out.say('半')
        else out.say(`${integerToZh(read.second)}分之${integerToZh(read.first)}`)
        return unitAfter(scan, end)
    }
  }

  function unitAfter({ text, out }: Scan, end: number): number {
    const unitAt = skipSpace(text, end)
    const unit = units.isMeasure(text, unitAt) ? units.read(text, unitAt, true) : undefined
    if (unit !== undefined) out.say(unit.zh)
    return unit?.end ?? unitAt
  }
  return [mixed, pair]
}

/** A zero in front belongs to what is written. */
const figure = (digits: string) =>
  /^0|^\d{4}/.test(digits) ? digitsToZh(digits) : integerToZh(digits)

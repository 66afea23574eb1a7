/** Figures with a slash between, in English. */
import { digitsToEn, integerToEn, ordinalToEn, yearToEn } from './en-number.ts'
import { isNamed, matchAt, type Rule, type Scan } from './scan.ts'
import { type CalendarDay, createSlashReader } from './slash-pair.ts'
import type { UnitReader } from './unit-reader.ts'
import type { ReadingEn } from './voice-data.ts'

const AROUND_THE_CLOCK = /24\/7(?![\d/])/y
/** `1 1/2`, and `1-1/2`, since nobody counts down to a part. */
const MIXED = /(\d+)(?: (\d+)\/(\d+)|-([1-7])\/([2348]))(?![\d/.])/y

/** Rules for `24/7`, `1 1/2` and `1/2`; the first that fits is taken. */
export function createEnSlash(en: ReadingEn, units: UnitReader): readonly Rule[] {
  const readAt = createSlashReader(en.slash)
  const { slash } = en
  const day = ({ month, day, year }: CalendarDay) => {
    const name = `${en.months[Number(month) - 1]} ${ordinalToEn(day)}`
    return year === undefined ? name : `${name}, ${yearOf(year)}`
  }

  const aroundTheClock: Rule = ({ text, at, out }) => {
    if (matchAt(AROUND_THE_CLOCK, text, at) === null) return -1
    out.sayWord('twenty-four seven')
    return at + '24/7'.length
  }

  const mixed: Rule = (scan) => {
    const match = matchAt(MIXED, scan.text, scan.at)
    const [all = '', whole = '', ...figures] = match ?? []
    const [top = '', bottom = ''] = figures.filter((figure) => figure !== undefined)
    if (match === null || Number(top) >= Number(bottom) || isNamed(scan.text, scan.at)) return -1
    const part = bottom === '2' ? 'a half' : partToEn(top, bottom)
    scan.out.sayWord(`${integerToEn(whole)} and ${part}`)
    scan.numberEnd = scan.at + all.length
    return scan.numberEnd
  }

  const pair: Rule = (scan) => {
    const { text, at, out } = scan
    const read = readAt(text, at)
    if (read === undefined) return -1
    const { end } = read
    scan.numberEnd = end
    switch (read.kind) {
      case 'days':
        out.sayWord(read.days.map(day).join(' to '))
        return end
      case 'written':
        out.sayWord(read.parts.map(figure).join(` ${slash.sign} `))
        return unitAfter(scan, end, false)
      case 'pressure': {
        out.sayWord(`${integerToEn(read.first)} ${en.bloodPressure} ${integerToEn(read.second)}`)
        const unit = units.read(text, text.charAt(end) === ' ' ? end + 1 : end, true)
        if (unit === undefined || !unit.isPressure) return end
        out.sayWord(unit.enMany)
        return unit.end
      }
      case 'score':
        out.sayWord(`${integerToEn(read.first)} ${slash.outOf} ${integerToEn(read.second)}`)
        return end
      case 'page':
        out.sayWord(`${integerToEn(read.first)} ${slash.total} ${integerToEn(read.second)}`)
        return end
      case 'part':
        out.sayWord(read.second === '2' ? 'half' : partToEn(read.first, read.second))
        return unitAfter(scan, end, true)
    }
  }

  function unitAfter({ text, out }: Scan, end: number, isOne: boolean): number {
    const unitAt = text.charAt(end) === ' ' ? end + 1 : end
    const unit = units.isMeasure(text, unitAt) ? units.read(text, unitAt, true) : undefined
    if (unit !== undefined) out.sayWord(isOne ? unit.enOne : unit.enMany)
    return unit?.end ?? end
  }
  return [aroundTheClock, mixed, pair]
}

function partToEn(top: string, bottom: string): string {
  const part = bottom === '4' ? 'quarter' : ordinalToEn(bottom)
  return `${integerToEn(top)} ${part}${top === '1' ? '' : 's'}`
}

const yearOf = (year: string) => (year.length === 4 ? yearToEn(year) : figure(year))
/** A zero in front belongs to what is written. */
const figure = (digits: string) =>
  /^(?:19|20)\d\d$/.test(digits)
    ? yearToEn(digits)
    : digits.startsWith('0')
      ? digitsToEn(digits)
      : integerToEn(digits)

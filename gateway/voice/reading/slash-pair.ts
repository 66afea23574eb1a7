/**
 * Figures with a slash between: a day (11/28), a part (1/2), a pressure (120/80), a score (7/10), a page (1/2).
 * The words around tell which; where they do not and more than one fits, it is `written`, to be read as it stands.
 */
import { matchAt, oneOf } from './scan.ts'
import type { SlashWords } from './voice-data.ts'

const PAIR = /(\d{1,4})\/(\d{1,4})(?:\/(\d{4}|\d{2}))?(?![\d/]|\.\d)/y
const PRESSURE = /(\d{2,3})\s?\/\s?(\d{2,3})(?![\d/]|\.\d)/y
const PRESSURE_UNIT = /\s?(?:mmHg|mmhg|MMHG|毫米汞柱|kPa)/y
const DAYS = /(\d{1,2})\/(\d{1,2})\s?[-–—~～至到]\s?(\d{1,2})\/(\d{1,2})(?![\d/]|\.\d)/y
const CLOCK = /,?\s?(?:at\s|@\s?)?\d{1,2}(?:[:：]\d\d|点|\s?[ap]\.?m\b)/iy
/** 8/10 → 3/10: what the first is, the second is too; a slash is said. */
const CHANGED = /\d\/(\d+)\s?(?:→|to|到|至|降至|降到|升至|升到)\s?$/
const LOOK_BACK_CHARS = 24
/** Parts are rarely smaller: 11/28 alone is none, but 1/20 is one and 3/100. */
const MAX_COMMON_PART = 10
const MAX_DAY = 31
const HUNDREDTHS = /^(?:50|10+)$/
/** Figures of a pressure that somebody has, in mmHg; in the eyes, 15/16, it is lower. */
const MIN_PRESSURE = 20
const MIN_HIGH_PRESSURE = 40

export interface CalendarDay {
  readonly month: string
  readonly day: string
  readonly year?: string
}
export type SlashPair = { readonly end: number } & (
  | { readonly kind: 'days'; readonly days: readonly CalendarDay[] }
  | { readonly kind: 'written'; readonly parts: readonly string[] }
  | {
      readonly kind: 'part' | 'pressure' | 'score' | 'page'
      readonly first: string
      readonly second: string
    }
)

/** Builds the reader: the figures that stand at `at` and what they are, or undefined. */
export function createSlashReader(words: SlashWords) {
  /** Latin words must not begin inside another one. */
  const word = (list: readonly string[]) =>
    `(?:${list.map((each) => (/^[A-Za-z]/.test(each) ? `(?<![A-Za-z])${oneOf([each])}` : oneOf([each]))).join('|')})`
  const ahead = (list: readonly string[]) =>
    new RegExp(`${word(list)}(?:\\s?(?:is|of|at|为|是))?[:：,<>≤≥\\s("（]*$`, 'i')
  const dayBefore = ahead(words.dayBefore)
  const dayPerhapsBefore = ahead(words.dayPerhapsBefore)
  const writtenBefore = ahead(words.writtenBefore)
  const writtenAfter = new RegExp(`\\s?(?:${oneOf(words.writtenAfter)})`, 'iy')
  const scoreBefore = ahead(words.scoreBefore)
  const pageBefore = ahead(words.pageBefore)
  const pressureBefore = new RegExp(`${word(words.pressureBefore)}[^\\d,，。;；]{0,16}$`, 'i')
  const dayAfter = new RegExp(
    `(?:\\s?[、,，和及与或]\\s?\\d{1,2}\\/\\d{1,2})*\\s?[(（]?\\s?(?:${oneOf(words.dayAfter)})`,
    'y',
  )
  const taken = new RegExp(
    `(?:\\s?[-–~～到至]\\s?\\d+(?:\\/\\d+)?)?[\\s-]?(?:${oneOf(words.taken)})`,
    'iy',
  )
  const { isMonthFirst } = words

  /** The day of two figures; with either order only where the figures leave no choice. */
  function dayOf(first: string, second: string, year?: string): CalendarDay | undefined {
    const [a, b] = [Number(first), Number(second)]
    if (a < 1 || b < 1 || a > MAX_DAY || b > MAX_DAY) return undefined
    const isDecided = a > 12 || b > 12 || a === b || (isMonthFirst && year === undefined)
    if (!isDecided || (a > 12 && (b > 12 || (isMonthFirst && year === undefined)))) return undefined
    const [month, day] = a > 12 ? [second, first] : [first, second]
    return year === undefined ? { month, day } : { month, day, year }
  }

  function daysAt(text: string, at: number, before: string): SlashPair | undefined {
    const match = matchAt(DAYS, text, at)
    if (match === null || matchAt(taken, text, at + match[0].length) !== null) return undefined
    const [all, m1 = '', d1 = '', m2 = '', d2 = ''] = match
    const days = [dayOf(m1, d1), dayOf(m2, d2)].filter((day) => day !== undefined)
    const isClear =
      Math.max(Number(d1), Number(d2)) > MAX_COMMON_PART ||
      Number(m1) > Number(d1) ||
      dayBefore.test(before) ||
      matchAt(dayAfter, text, at + all.length) !== null
    return days.length === 2 && isClear ? { kind: 'days', days, end: at + all.length } : undefined
  }

  function pressureAt(text: string, at: number, before: string): SlashPair | undefined {
    const match = matchAt(PRESSURE, text, at)
    if (match === null) return undefined
    const [all, first = '', second = ''] = match
    const end = at + all.length
    const [high, low] = [Number(first), Number(second)]
    const unit = matchAt(PRESSURE_UNIT, text, end)?.[0].trim()
    const isPressure =
      high > low &&
      (unit === undefined
        ? low >= MIN_PRESSURE && pressureBefore.test(before)
        : unit === 'kPa' || high >= MIN_HIGH_PRESSURE)
    return isPressure ? { kind: 'pressure', first, second, end } : undefined
  }

  /** What two figures without a year are, by the words before and behind them. */
  function kindOf(text: string, pair: readonly [string, string], before: string, end: number) {
    const [first, second] = pair.map(Number) as [number, number]
    if (writtenBefore.test(before) || matchAt(writtenAfter, text, end) !== null) return 'written'
    if (scoreBefore.test(before) && first <= second) return second % 5 === 0 ? 'score' : 'written'
    if (CHANGED.exec(before)?.[1] === pair[1]) return 'written'
    if (pageBefore.test(before) && first <= second) return 'page'
    const isPart =
      first < second &&
      pair.every((figure) => !figure.startsWith('0')) &&
      (second <= MAX_COMMON_PART || first === 1 || HUNDREDTHS.test(pair[1]))
    if (matchAt(taken, text, end) !== null) return first < second ? 'part' : 'written'
    if (/[A-Za-z]-?$/.test(before)) return 'written'
    const isCertain =
      dayBefore.test(before) ||
      matchAt(dayAfter, text, end) !== null ||
      matchAt(CLOCK, text, end) !== null
    const day = dayOf(...pair)
    if (isCertain) return day ?? 'written'
    if (day && second > MAX_COMMON_PART && dayPerhapsBefore.test(before)) return day
    return isPart ? 'part' : 'written'
  }

  return (text: string, at: number): SlashPair | undefined => {
    const before = text.slice(Math.max(0, at - LOOK_BACK_CHARS), at)
    const special = daysAt(text, at, before) ?? pressureAt(text, at, before)
    if (special) return special
    const match = matchAt(PAIR, text, at)
    if (match === null) return undefined
    const [all, first = '', second = '', year] = match
    const end = at + all.length
    if (year !== undefined) {
      const isYear = /^(?:19|20)\d\d$/.test(year) || dayBefore.test(before)
      const day = isYear ? dayOf(first, second, year) : undefined
      return day
        ? { kind: 'days', days: [day], end }
        : { kind: 'written', parts: [first, second, year], end }
    }
    const kind = kindOf(text, [first, second], before, end)
    if (typeof kind === 'object') return { kind: 'days', days: [kind], end }
    return kind === 'written' ? { kind, parts: [first, second], end } : { kind, first, second, end }
  }
}

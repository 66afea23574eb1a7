/** What stands around a number decides how it is read: a count, a code, a telephone number, a year. */
import { matchAt, oneOf, type Scan } from './scan.ts'
import type { ReadingZh } from './voice-data.ts'

/** How far back a word such as 电话 may stand before its number. */
const LOOK_BACK_CHARS = 14
/** 6222****1234: the end of a card's number. */
const MASKED = /[*xX＊]{2,}\s?$/

export interface ZhContext {
  /** 两 where a measure word follows and the number counts, else 二. */
  two(text: string, start: number, end: number): '二' | '两'
  isCode(text: string, start: number, end: number): boolean
  /** Whether a figure at `start` begins the number of a door. */
  isHouse(text: string, start: number): boolean
  isPhone(scan: Scan, end: number): boolean
  /** Whether the words before announce a telephone number. */
  isPhoneAhead(text: string, start: number): boolean
  /** Whether figures with a colon are parts of a mixture and no time of day, by the words around them. */
  isRatio(text: string, start: number, end: number): boolean
  hasMeasure(text: string, end: number): boolean
  isYear(text: string, digits: string, end: number): boolean
}

export function createZhContext(data: ReadingZh): ZhContext {
  const liang = new RegExp(` ?(?!${oneOf(data.notLiang)})(?:${oneOf(data.liang)})`, 'y')
  const codeUnit = new RegExp(` ?(?:${oneOf(data.codeUnits)})`, 'y')
  const linked = '(?:号码|号|是|为|请拨)?[:：\\s"“「(（*]*$'
  const codeBefore = new RegExp(`(?:${oneOf(data.codeBefore)})${linked}`)
  const house = new RegExp(`(?:${oneOf(data.houses)})\\s?$`)
  const phoneBefore = new RegExp(`(?:${oneOf(data.phoneBefore)})${linked}`)
  const phoneAfter = new RegExp(`[”」"]?(?:${oneOf(data.phoneAfter)})`, 'y')
  const phoneJoin = new RegExp(`^[”」"]?\\s*(?:${oneOf(data.phoneJoin)})\\s*["“「]?$`)
  const ratioBefore = new RegExp(`(?:${oneOf(data.ratioBefore)})\\s*$`)
  const ratioAfter = new RegExp(`\\s?(?:的|比例的)?(?:${oneOf(data.ratioAfter)})`, 'y')
  const hotlines = new Set(data.hotlines.filter((each) => !data.bareHotlineNot.includes(each)))
  const hotlinePattern = new RegExp(`^(?:${data.hotlinePattern})$`)
  const year = /(?:年(?!前|后|以|来|内|间|多|时间)|学年|级|届|财年)/y
  /** 26年11月 */
  const monthOfYear = /年\d{1,2}月/y
  const counted = /[号楼年月日级度%℃万亿]|[A-Za-z]/y

  const before = (text: string, at: number) => text.slice(Math.max(0, at - LOOK_BACK_CHARS), at)
  const hasMeasure = (text: string, end: number) =>
    matchAt(liang, text, end) !== null || matchAt(counted, text, end) !== null

  return {
    two: (text, start, end) =>
      text.charAt(start - 1) !== '第' && matchAt(liang, text, end) !== null ? '两' : '二',
    isCode: (text, start, end) =>
      (end - start >= 3 && (MASKED.test(before(text, start)) || text.startsWith('**', end))) ||
      (end - start >= 3 && matchAt(codeUnit, text, end) !== null) ||
      (end - start >= 2 && codeBefore.test(before(text, start)) && !hasMeasure(text, end)),
    isHouse: (text, start) => house.test(before(text, start)),
    isPhone(scan, end) {
      const { text, at } = scan
      const length = end - at
      if (length < 3 || hasMeasure(text, end)) return false
      const digits = text.slice(at, end)
      if (hotlines.has(digits) || hotlinePattern.test(digits)) return true
      if (matchAt(phoneAfter, text, end) !== null) return true
      if (scan.phoneEnd >= 0 && phoneJoin.test(text.slice(scan.phoneEnd, at))) return true
      return phoneBefore.test(before(text, at))
    },
    isPhoneAhead: (text, start) => phoneBefore.test(before(text, start)),
    isRatio: (text, start, end) =>
      ratioBefore.test(before(text, start)) || matchAt(ratioAfter, text, end) !== null,
    hasMeasure,
    isYear: (text, digits, end) =>
      (digits.length === 2 && matchAt(monthOfYear, text, end) !== null) ||
      (digits.length === 4 && /^[12]/.test(digits) && matchAt(year, text, end) !== null),
  }
}

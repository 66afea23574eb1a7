/**
 * Numbers as a Chinese person says them. Works on strings of digits, so nothing is lost to floating point.
 *
 * Usage of 二 and 两: 吕叔湘《现代汉语八百词》, entries 二 and 两.
 */

const DIGITS = '零一二三四五六七八九'
const PLACES = ['', '十', '百', '千'] as const
/** 千万亿 is the largest group with a name people use; longer numbers are read digit by digit. */
export const MAX_CARDINAL_DIGITS = 16

/** `302` → 三零二; with `yao`, one is read 幺 as in telephone numbers. Anything but ASCII digits is left out. */
export function digitsToZh(digits: string, yao = false): string {
  let spoken = ''
  for (let i = 0; i < digits.length; i++) {
    const value = digits.charCodeAt(i) - 48
    if (value < 0 || value > 9) continue
    spoken += yao && value === 1 ? '幺' : DIGITS.charAt(value)
  }
  return spoken
}

/**
 * A whole number: `102` → 一百零二, `12345` → 一万二千三百四十五. A leading 2 before 千, 万, 亿 is 两.
 * `two` is what a bare 2 is read as: 二, or 两 before a measure word.
 */
export function integerToZh(digits: string, two: '二' | '两' = '二'): string {
  const plain = digits.replace(/^0+(?=\d)/, '')
  if (plain === '0') return '零'
  if (plain === '2') return two
  if (plain.length > MAX_CARDINAL_DIGITS) return digitsToZh(plain)
  let spoken = ''
  let hasGap = false
  for (let end = plain.length % 4 || 4, start = 0; start < plain.length; start = end, end += 4) {
    const group = plain.slice(start, end)
    const value = Number(group)
    if (value === 0) {
      hasGap = spoken !== ''
      continue
    }
    if (spoken !== '' && (hasGap || value < 1000)) spoken += '零'
    hasGap = false
    spoken += groupToZh(group) + groupName(plain, end)
  }
  return polish(spoken)
}

/** 亿 is said once for 万亿 and 亿 together, after the lower of the two. */
function groupName(plain: string, end: number): string {
  const rest = plain.length - end
  if (rest === 12) return Number(plain.slice(end, end + 4)) === 0 ? '万亿' : '万'
  return rest === 8 ? '亿' : rest === 4 ? '万' : ''
}

/** Up to four digits; zeros inside are said once, zeros at the end not at all. */
function groupToZh(group: string): string {
  let spoken = ''
  let hasZero = false
  for (let i = 0; i < group.length; i++) {
    const value = group.charCodeAt(i) - 48
    if (value === 0) {
      hasZero = spoken !== ''
      continue
    }
    if (hasZero) spoken += '零'
    hasZero = false
    spoken += DIGITS.charAt(value) + PLACES[group.length - 1 - i]
  }
  return spoken
}

function polish(spoken: string): string {
  if (spoken.startsWith('一十')) return spoken.slice(1)
  const second = spoken.charAt(1)
  if (spoken.startsWith('二') && (second === '千' || second === '万' || second === '亿')) {
    return `两${spoken.slice(1)}`
  }
  return spoken
}

/** `5.60` → 五点六零: every decimal place is said, because in a dose or a lab value it counts. */
export function decimalToZh(number: string, two: '二' | '两' = '二'): string {
  const dot = number.indexOf('.')
  if (dot < 0) return integerToZh(number, two)
  return `${integerToZh(number.slice(0, dot) || '0')}点${digitsToZh(number.slice(dot + 1))}`
}

/** `8:30` → 八点半, `8:05` → 八点零五分, `14:00` → 十四点. Half is said up to twelve only, as on a dial. */
export function timeToZh(hour: string, minute: string, second?: string): string {
  const hourValue = Number(hour)
  const minuteValue = Number(minute)
  const head = `${integerToZh(String(hourValue), '两')}点`
  if (second !== undefined && Number(second) > 0) {
    return `${head}${twoPlaces(minuteValue)}分${twoPlaces(Number(second))}秒`
  }
  if (minuteValue === 0) return head
  if (minuteValue === 30 && hourValue <= 12) return `${head}半`
  return `${head}${twoPlaces(minuteValue)}分`
}

function twoPlaces(value: number): string {
  if (value === 0) return '零'
  return (value < 10 ? '零' : '') + integerToZh(String(value))
}

/** Money in yuan with at most two places: `25.5` → 二十五元五角, `0.05` → 五分, `25.05` → 二十五元零五分. */
export function yuanToZh(number: string): string {
  const [whole = '0', places = ''] = number.split('.')
  const jiao = places.charAt(0) === '' ? '0' : places.charAt(0)
  const fen = places.charAt(1) === '' ? '0' : places.charAt(1)
  const isZero = Number(whole) === 0
  const head = isZero ? '' : `${integerToZh(whole, '两')}元`
  const tens = jiao === '0' ? '' : `${integerToZh(jiao, isZero ? '两' : '二')}角`
  const gap = head !== '' && jiao === '0' && fen !== '0' ? '零' : ''
  const ones = fen === '0' ? '' : `${gap}${integerToZh(fen)}分`
  return head + tens + ones || '零元'
}

/** A year of four digits: 2026 → 二零二六. */
export const yearToZh = (year: string): string => digitsToZh(year)

/** `5` and `1` → 五月一日. */
export function dayToZh(month: string, day: string): string {
  return `${integerToZh(month)}月${integerToZh(day)}日`
}

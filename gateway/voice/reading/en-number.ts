/** Numbers as an English speaker says them. Works on strings of digits. */

const ONES = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
  'thirteen',
  'fourteen',
  'fifteen',
  'sixteen',
  'seventeen',
  'eighteen',
  'nineteen',
] as const
const TENS = ['', '', 'twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety']
const SCALES = ['', 'thousand', 'million', 'billion', 'trillion'] as const
/** Up to trillions; longer numbers are read digit by digit. */
export const MAX_CARDINAL_DIGITS = 15
const IRREGULAR_ORDINALS: Readonly<Record<string, string>> = {
  one: 'first',
  two: 'second',
  three: 'third',
  five: 'fifth',
  eight: 'eighth',
  nine: 'ninth',
  twelve: 'twelfth',
}

/** `302` → three zero two. Anything but ASCII digits is left out. */
export function digitsToEn(digits: string): string {
  const words: string[] = []
  for (let i = 0; i < digits.length; i++) {
    const word = ONES[digits.charCodeAt(i) - 48]
    if (word !== undefined) words.push(word)
  }
  return words.join(' ')
}

/** `12345` → twelve thousand three hundred and forty-five. */
export function integerToEn(digits: string): string {
  const plain = digits.replace(/^0+(?=\d)/, '')
  if (plain === '0') return 'zero'
  if (plain.length > MAX_CARDINAL_DIGITS) return digitsToEn(plain)
  const words: string[] = []
  for (let end = plain.length % 3 || 3, start = 0; start < plain.length; start = end, end += 3) {
    const value = Number(plain.slice(start, end))
    if (value === 0) continue
    const scale = SCALES[(plain.length - end) / 3] ?? ''
    if (words.length > 0 && scale === '' && value < 100) words.push('and')
    words.push(scale === '' ? hundreds(value) : `${hundreds(value)} ${scale}`)
  }
  return words.join(' ')
}

function hundreds(value: number): string {
  const rest = value % 100
  const head = value >= 100 ? `${ONES[Math.floor(value / 100)]} hundred` : ''
  if (rest === 0) return head
  const tail =
    rest < 20
      ? (ONES[rest] ?? '')
      : TENS[Math.floor(rest / 10)] + (rest % 10 === 0 ? '' : `-${ONES[rest % 10]}`)
  return head === '' ? tail : `${head} and ${tail}`
}

/** `5.60` → five point six zero. */
export function decimalToEn(number: string): string {
  const dot = number.indexOf('.')
  if (dot < 0) return integerToEn(number)
  return `${integerToEn(number.slice(0, dot) || '0')} point ${digitsToEn(number.slice(dot + 1))}`
}

/** `21` → twenty-first. */
export function ordinalToEn(digits: string): string {
  const cardinal = integerToEn(digits)
  const cut = Math.max(cardinal.lastIndexOf(' '), cardinal.lastIndexOf('-')) + 1
  const last = cardinal.slice(cut)
  const ordinal =
    IRREGULAR_ORDINALS[last] ?? (last.endsWith('y') ? `${last.slice(0, -1)}ieth` : `${last}th`)
  return cardinal.slice(0, cut) + ordinal
}

/** `2026` → twenty twenty-six, `2000` → two thousand, `2005` → two thousand and five, `1905` → nineteen oh five. */
export function yearToEn(year: string): string {
  const high = year.slice(0, 2)
  const low = year.slice(2)
  if (year.startsWith('200') || year.slice(1) === '000') return integerToEn(year)
  if (low === '00') return `${integerToEn(high)} hundred`
  return `${integerToEn(high)} ${low.startsWith('0') ? `oh ${integerToEn(low)}` : integerToEn(low)}`
}

/** `8:00` → eight o'clock, `8:05` → eight oh five, `14:30` → fourteen thirty; `meridiem` is a.m. or p.m. */
export function timeToEn(hour: string, minute: string, meridiem?: string): string {
  const isPlain = meridiem === undefined
  const half = meridiem === undefined ? '' : ` ${meridiem.charAt(0).toLowerCase()} m`
  if (minute === '00') {
    const isDial = Number(hour) >= 1 && Number(hour) <= 12
    if (!isPlain) return `${integerToEn(hour)}${half}`
    return isDial ? `${integerToEn(hour)} o'clock` : `${integerToEn(hour)} hundred hours`
  }
  const tail = minute.startsWith('0') ? `oh ${integerToEn(minute)}` : integerToEn(minute)
  return `${integerToEn(hour)} ${tail}${half}`
}

/** Finds telephone numbers by their written form and cuts them into the groups people say. */
import { matchAt } from './scan.ts'

/** Chinese mobile: three, four, four. */
const MOBILE = /(?:\+?86[- ]?)?(1[3-9]\d)[- ]?(\d{4})[- ]?(\d{4})(?!\d)/y
/** Area code of three or four digits, then seven or eight, written together or in two parts. */
const LANDLINE = /(?:\+86[- ]?|\()?(0\d{2,3})(?:[- ]|\)[- ]?)?(\d{3,4})[- ]?(\d{4})(?!\d)/y
/** 400 and 800 numbers. */
const SERVICE = /([48]00)[- ]?(\d{3})[- ]?(\d{4})(?!\d)/y
const SERVICE_TEN = /([48]00)-(\d{4})-(\d{3})(?!\d)/y
/** International, as written with a plus. */
const INTERNATIONAL =
  /\+(\d{1,3})[- ](\d{1,4})[- ](\d{2,4})(?:[- ](\d{2,4}))?(?:[- ](\d{2,4}))?(?!\d)/y
/** North American, with the area code in brackets. */
const BRACKETED = /\((\d{3})\)[- ]?(\d{3})[- ](\d{4})(?!\d)/y
const PATTERNS = [MOBILE, LANDLINE, SERVICE, SERVICE_TEN, INTERNATIONAL, BRACKETED]

export interface PhoneNumber {
  readonly groups: readonly string[]
  readonly end: number
}

/** The telephone number that stands at `at`, or undefined. A digit just before means it is part of something longer. */
export function phoneAt(text: string, at: number): PhoneNumber | undefined {
  for (const pattern of PATTERNS) {
    const match = matchAt(pattern, text, at)
    if (match === null) continue
    const groups = match.slice(1).filter((group) => group !== undefined)
    return { groups, end: at + match[0].length }
  }
  return undefined
}

/** Seven or eight digits without an area code; only where the words around say that it is a telephone number. */
const LOCAL = /(\d{3,4})[- ](\d{4})(?![\d-])/y
export function localPhoneAt(
  text: string,
  at: number,
  isPhone: (end: number) => boolean,
): PhoneNumber | undefined {
  const match = matchAt(LOCAL, text, at)
  const end = at + (match?.[0].length ?? 0)
  return match !== null && isPhone(end) ? { groups: match.slice(1), end } : undefined
}

/** An unwritten grouping for a bare run of digits: in threes and fours, as people say them. */
export function groupDigits(digits: string): readonly string[] {
  if (digits.length <= 5) return [digits]
  if (digits.length <= 7) return [digits.slice(0, 3), digits.slice(3)]
  const groups: string[] = []
  // An identity number is said as region, birth date, serial: six digits first.
  const first = digits.length === 18 ? 6 : digits.length % 4
  if (first > 0) groups.push(digits.slice(0, first))
  for (let i = first; i < digits.length; i += 4) groups.push(digits.slice(i, i + 4))
  return groups
}

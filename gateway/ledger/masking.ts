/**
 * Masks what identifies a person in words that leave the sealed record: logs, console lists, support
 * bundles, what the cloud core is shown. Pure. Numbers count only with their check digit where they
 * have one, so that a price or a ticket number stays readable; identity numbers also where they are called
 * so or have a date of birth in its place, since one misheard digit makes the check digit wrong.
 */
import { maskNames } from './mask-names.ts'
import { maskSecrets } from './mask-secrets.ts'

const MASK = '*'
/** Digits may be parted as people write or recognisers print them: `138 1234-5678`, full-width too. */
const DIGIT = '[0-9０-９]'
const SPOKEN_DIGIT = '[零〇幺一二两三四五六七八九]'
const SEPARATOR = '[ \\u00a0\\u3000.·-]'
/** Groups of digits one after the other, whatever letters stand beside; an X may end an identity number. */
const NUMBER_RUN = new RegExp(
  `${DIGIT}+(?:${SEPARATOR}{1,3}${DIGIT}+)*(?:${SEPARATOR}?[xXｘＸ])?`,
  'gu',
)
const NUMBER_GROUP = new RegExp(`${DIGIT}+|[xXｘＸ]`, 'gu')
const SPOKEN_RUN = new RegExp(`${SPOKEN_DIGIT}(?:[ ，、]?${SPOKEN_DIGIT})*`, 'gu')
/** From a mobile number on; a card has 19 digits, a country code before a number four. */
const SHORTEST_NUMBER = 10
const LONGEST_NUMBER = 23
/** Numbers without a national check digit are known by the word before them. */
const LABEL =
  '(?:医保|社保|社会保障|医疗保险|就诊|住院|病历|病案|门诊)(?:卡|证|个人|登记)?(?:号码|编号|号|卡)|(?:护照|通行证)(?:号码|编号|号)?'
const LABELLED = new RegExp(
  `((?:${LABEL})\\s*(?:是|为|:|：)?\\s*)((?=[A-Za-z-]{0,24}${DIGIT})(?:${DIGIT}|[A-Za-z])(?:${DIGIT}|[A-Za-z-]){4,24}|${SPOKEN_DIGIT}{5,24})`,
  'gu',
)
/** Called so, it counts with any digits: a digit may be misheard, mistyped or left out. */
const CALLED_ID = new RegExp(
  `(身份证件?(?:的?(?:号码|编号|号))?\\s*(?:是|为|:|：)?\\s*)((?:${DIGIT}|${SPOKEN_DIGIT})(?:${SEPARATOR}{0,3}(?:${DIGIT}|${SPOKEN_DIGIT})){13,18}(?:${SEPARATOR}?[xXｘＸ])?)`,
  'gu',
)
const EMAIL = /[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}\.[A-Za-z]{2,24}/gu
/** From the road or the estate on: what tells the house. The city may stay, it is used for counting. */
const HOUSE_NUMBER = '[0-9０-９A-Za-z零一二三四五六七八九十百甲乙丙-]{1,6}'
const HOUSE = `(?:${HOUSE_NUMBER}\\s*(?:号院|号楼|号|弄|巷|栋|幢|座|单元|楼|层|室|户|组)\\s*)*(?:[0-9０-９]{2,5}(?![0-9０-９]))?`
/** As people write building, stairs and flat: 7-2-1001. */
const FLAT = `${DIGIT}{1,4}(?:[-－–—]${DIGIT}{1,4})?[-－–—]${DIGIT}{3,5}(?!${DIGIT})`
/** 走路, 问路 and a bus line (5路) are no streets. */
const STREET = '(?:(?<![走马问带铁公顺半0-9０-９])路|街|大道|胡同|巷)'
const ESTATE = '(?:小区|花园|公寓|新村|家园|苑|村)'
const ADDRESS = new RegExp(
  `(\\p{Script=Han}{1,12}?(?:${STREET}\\s*${HOUSE_NUMBER}\\s*(?:号|弄|巷)|${ESTATE}\\s*(?:${HOUSE_NUMBER}\\s*(?:号|栋|幢|座|单元|室|组)|${FLAT})))(院|楼)?\\s*${HOUSE}`,
  'gu',
)
const STREET_ONLY = new RegExp(`^.*?(?:${STREET}|${ESTATE})`, 'u')
/** The text without passwords and codes, and with identity numbers, telephones, bank cards, insurance numbers, e-mail, addresses and named persons masked. */
export function maskText(text: string): string {
  const withoutNumbers = maskSecrets(text)
    .replace(EMAIL, (mail) => `${mail.charAt(0)}***${mail.slice(mail.indexOf('@'))}`)
    .replace(CALLED_ID, (_, label: string, number: string) => label + maskCalledId(number))
    .replace(LABELLED, (_, label: string, number: string) => label + maskLabelled(number))
    .replace(NUMBER_RUN, (run) => maskRun(run, groupsOf(run), maskNumber))
    .replace(SPOKEN_RUN, (run) => maskRun(run, spokenGroupsOf(run), maskSpoken))
    .replace(ADDRESS, (address: string) => `${STREET_ONLY.exec(address)?.[0] ?? ''}***`)
  return maskNames(withoutNumbers)
}

/** Province and city at most; the rest of an address that is known to be one is gone. */
export function maskAddress(address: string): string {
  const region =
    /^(?:\p{Script=Han}{2,8}?(?:省|自治区))?(?:\p{Script=Han}{2,8}?(?:市|州|盟))?/u.exec(
      address,
    )?.[0]
  return `${region ?? ''}***`
}

/** Keeps `head` and `tail` characters and masks the rest. */
export function maskMiddle(text: string, head: number, tail: number): string {
  const letters = [...text]
  if (letters.length <= head + tail) return MASK.repeat(letters.length)
  const masked = MASK.repeat(letters.length - head - tail)
  return letters.slice(0, head).join('') + masked + letters.slice(letters.length - tail).join('')
}

/** Digits that stand together, or one that was spoken, and their place in the run. */
interface Group {
  readonly digits: string
  readonly from: number
  readonly to: number
}

/**
 * A number may stand among others (`13812345678 5楼`, two in a row, a date behind it): groups that follow
 * each other are tried as one number, the longest first.
 */
function maskRun(
  run: string,
  groups: readonly Group[],
  mask: (groups: readonly string[]) => string | undefined,
): string {
  let masked = ''
  let at = 0
  for (let first = 0; first < groups.length; first++) {
    const found = numberAt(groups, first, mask)
    if (!found) continue
    masked += run.slice(at, groups[first]?.from) + found.masked
    at = groups[found.last]?.to ?? run.length
    first = found.last
  }
  return masked + run.slice(at)
}

function numberAt(
  groups: readonly Group[],
  first: number,
  mask: (groups: readonly string[]) => string | undefined,
): { readonly last: number; readonly masked: string } | undefined {
  const digits: string[] = []
  let length = 0
  let found: { last: number; masked: string } | undefined
  for (let last = first; last < groups.length; last++) {
    const group = groups[last]?.digits ?? ''
    length += group.length
    if (length > LONGEST_NUMBER) break
    digits.push(group)
    const masked = length < SHORTEST_NUMBER ? undefined : mask(digits)
    if (masked !== undefined) found = { last, masked }
  }
  return found
}

const groupsOf = (run: string): Group[] =>
  run.length < SHORTEST_NUMBER
    ? []
    : [...run.matchAll(NUMBER_GROUP)].map(({ 0: text, index }) => ({
        digits: toAscii(text),
        from: index,
        to: index + text.length,
      }))

const spokenGroupsOf = (run: string): Group[] =>
  run.length < SHORTEST_NUMBER
    ? []
    : [...run].flatMap((letter, from) => {
        const digits = SPOKEN_VALUES[letter]
        return digits === undefined ? [] : [{ digits, from, to: from + 1 }]
      })

function maskNumber(groups: readonly string[]): string | undefined {
  const plain = groups.join('')
  // The check character tells it, however it is parted.
  if (plain.length === 18 && (isResidentId(plain) || isBornSomewhere(plain)))
    return maskMiddle(plain, 3, 4)
  if (isLandline(groups)) return maskMiddle(plain, 3, 2)
  if (isParted(groups, 3) && (isMobile(plain) || isResidentId(plain))) {
    return maskMiddle(plain.slice(isMobile(plain) ? -11 : 0), 3, 4)
  }
  return isParted(groups, 1) && isBankCard(plain) ? maskMiddle(plain, 6, 4) : undefined
}

/** A number of a ward is short: four digits of six would be most of it. */
const maskLabelled = (number: string): string => maskMiddle(number, 0, number.length < 8 ? 2 : 4)

function maskCalledId(number: string): string {
  const digits = toAscii(number).match(/[0-9X]/g)
  return digits && digits.length > 7 ? maskMiddle(digits.join(''), 3, 4) : MASK.repeat(8)
}

function maskSpoken(groups: readonly string[]): string | undefined {
  return maskNumber(groups) === undefined ? undefined : MASK.repeat(8)
}

/**
 * As people and recognisers part one number: digit by digit, or in groups of three and more, of which the
 * last has `shortest` at least. Dates, amounts and addresses of machines are parted otherwise.
 */
function isParted(groups: readonly string[], shortest: number): boolean {
  const own = /^(?:00)?86$/.test(groups[0] ?? '') ? groups.slice(1) : groups
  const lengths = own.map((group) => group.length)
  if (/^(?:1(,1)*|3,2,2,2,2|2,3,3,3)$/.test(lengths.join())) return true
  return lengths.every((length, at) => length >= (at === lengths.length - 1 ? shortest : 3))
}

const ID_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const ID_CHECK = '10X98765432'

/** 居民身份证号: 18 characters with the check character of GB 11643 (ISO 7064 MOD 11-2), or the old 15 with a date. */
export function isResidentId(number: string): boolean {
  if (/^[1-9]\d{14}$/.test(number)) return isDate(`19${number.slice(6, 12)}`)
  if (!/^[1-9]\d{16}[\dX]$/.test(number) || !isDate(number.slice(6, 14))) return false
  const sum = ID_WEIGHTS.reduce((total, weight, i) => total + weight * Number(number[i]), 0)
  return ID_CHECK[sum % 11] === number[17]
}

/** A province and a date of birth where an identity number has them, whatever its check character. */
function isBornSomewhere(number: string): boolean {
  const province = /^(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91)/
  return province.test(number) && /^\d{17}[\dX]$/.test(number) && isDate(number.slice(6, 14))
}

/** 手机号: eleven digits from 13 to 19, with or without 86. */
export function isMobile(number: string): boolean {
  return /^(?:86|0086)?1[3-9]\d{9}$/.test(number)
}

/** 010 and 02x have three digits, all others four; no subscriber's number begins with 0 or 1. */
const LANDLINE = /^(?:0(?:10|2\d)[2-9]\d{7}|0[3-9]\d{2}[2-9]\d{6,7})$/

/** A landline is told from a number of any kind by its area code, most surely where that stands apart. */
function isLandline(groups: readonly string[]): boolean {
  const [area = '', ...rest] = groups
  if (/^0\d{2,3}$/.test(area) && /^(?:\d{7,8}|\d{3,4},\d{4})$/.test(rest.join())) return true
  const isInOne = rest.length === 0 || groups.every((group) => group.length === 1)
  return isInOne && LANDLINE.test(groups.join(''))
}

/**
 * 13–19 digits with a good Luhn check digit (ISO/IEC 7812-1), of a payment network's first digits: of the
 * numbers with 2 only 22 to 27 are cards, those with 20 are dates and orders of this century.
 */
export function isBankCard(number: string): boolean {
  if (!/^(?=\d{13,19}$)(?:2[2-7]|[3-69])/.test(number)) return false
  let sum = 0
  for (let i = 0; i < number.length; i++) {
    const digit = Number(number[number.length - 1 - i])
    const doubled = i % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

function isDate(yyyymmdd: string): boolean {
  const year = Number(yyyymmdd.slice(0, 4))
  const month = Number(yyyymmdd.slice(4, 6))
  const day = Number(yyyymmdd.slice(6, 8))
  const date = new Date(Date.UTC(year, month - 1, day))
  return (
    year >= 1900 && year <= 2099 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  )
}

function toAscii(text: string): string {
  return text
    .replace(/[０-９]/g, (digit) => String.fromCharCode(digit.charCodeAt(0) - 0xfee0))
    .replace(/[xｘＸ]/g, 'X')
}

const SPOKEN_VALUES: Readonly<Record<string, string>> = {
  零: '0',
  〇: '0',
  幺: '1',
  一: '1',
  二: '2',
  两: '2',
  三: '3',
  四: '4',
  五: '5',
  六: '6',
  七: '7',
  八: '8',
  九: '9',
}

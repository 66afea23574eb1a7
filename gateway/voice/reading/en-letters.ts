/** Rules for what begins with a letter in English text, and for money. */
import { addressAt } from './address.ts'
import type { EnDigits } from './en-digits.ts'
import { digitsToEn, integerToEn, ordinalToEn, yearToEn } from './en-number.ts'
import type { MinusReader } from './minus.ts'
import { isDigit, matchAt, oneOf, type Rule } from './scan.ts'
import type { UnitReader } from './unit-reader.ts'
import type { VoiceData } from './voice-data.ts'

/** BP120/80 is no code: its figures are a pair. */
const CODE = /(?!(?:NI)?[Bb][Pp]\d+\/)([A-Z]{1,4})-?(\d+)(?:-(\d+))?(?!\d|[.:]\d|\s?%)/y
/** L1-L4, A012-A020 */
const CODES_UP_TO = /\s?[-–~—]\s?([A-Z]{1,2})(\d+)(?![A-Za-z\d]|[-.:]\d)/y
const WORD = /[A-Za-z]+(?:['’][A-Za-z]+)*/y

export interface EnLetters {
  readonly letter: readonly Rule[]
  readonly address: Rule
  readonly money: Rule
}

export function createEnLetters(
  data: VoiceData,
  units: UnitReader,
  digits: EnDigits,
  isMinus: MinusReader,
): EnLetters {
  const { en } = data
  const spelled = new Set(
    data.latin
      .filter((word) => word.say === 'letters' && word.text === word.text.toUpperCase())
      .map((word) => word.text),
  )
  spelled.delete('OK')
  const months = [...en.months, ...en.monthShort]
  const monthDay = new RegExp(
    `(${oneOf(months)})\\.?\\s+(\\d{1,2})(?:st|nd|rd|th)?(?:[-–](\\d{1,2})(?:st|nd|rd|th)?(?![\\d:.%]|\\s?[°℃]))?(?![\\d:])(?:,?\\s+((?:19|20)\\d\\d))?(?!\\d)`,
    'y',
  )
  const monthYear = new RegExp(`(${oneOf(months)})\\.?,?\\s+((?:19|20)\\d\\d)(?!\\d)`, 'y')
  const names = new Map(
    data.units.currencies.flatMap((each) =>
      each.symbols.map((symbol) => [symbol, each.en] as const),
    ),
  )
  const currency = new RegExp(`(${oneOf([...names.keys()])})\\s?(?=\\d)`, 'y')

  const date: Rule = (scan) => {
    const { text, at, out } = scan
    const day = matchAt(monthDay, text, at)
    const match = day ?? matchAt(monthYear, text, at)
    if (match === null) return -1
    const index = months.indexOf(match[1] ?? '') % en.months.length
    const year = day === null ? match[2] : match[4]
    if (day !== null && (Number(day[2]) > 31 || Number(day[2]) < 1)) return -1
    out.say(`${en.months[index]}${day === null ? '' : ` ${ordinalToEn(day[2] ?? '')}`}`)
    if (day?.[3] !== undefined) out.say(` to ${ordinalToEn(day[3])}`)
    if (year !== undefined) out.say(`${day === null ? ' ' : ', '}${yearToEn(year)}`)
    scan.numberEnd = at + match[0].length
    return scan.numberEnd
  }

  const money: Rule = (scan) => {
    const match = matchAt(currency, scan.text, scan.at)
    const name = match && names.get(match[1] ?? '')
    if (!match || !name) return -1
    return digits.money(scan, scan.at + match[0].length, name)
  }

  const compoundUnit: Rule = ({ text, at, out }) => {
    const unit = units.read(text, at, false)
    if (unit === undefined || !(unit.isCompound || text.slice(at, unit.end).includes('^')))
      return -1
    out.sayWord(unit.enMany)
    return unit.end
  }

  const address: Rule = ({ text, at, out }) => {
    const found = addressAt(text, at)
    if (found === undefined) return -1
    for (const part of found.parts) {
      if (isDigit(part.charCodeAt(0))) out.sayWord(digitsToEn(part))
      else if (part === 'www') out.letters(part)
      else if (/[A-Za-z]/.test(part)) out.sayWord(part)
      else out.sayWord(part === '.' ? 'dot' : part === '@' ? 'at' : part === '/' ? 'slash' : 'dash')
    }
    return found.end
  }

  const code: Rule = ({ text, at, out }) => {
    const match = matchAt(CODE, text, at)
    if (match === null || units.isMeasure(text, at + match[0].length)) return -1
    if (isMinus(text, at + (match[1] ?? '').length)) return -1
    const figure = match[2] ?? ''
    if (/[A-Za-z\d%]/.test(text.charAt(at - 1))) out.say(' ')
    out.letters(match[1] ?? '')
    out.say(` ${codeToEn(figure)}${match[3] === undefined ? '' : ` dash ${codeToEn(match[3])}`}`)
    const end = at + match[0].length
    const last = matchAt(CODES_UP_TO, text, end)
    if (last === null) return end
    out.say(' to ')
    out.letters(last[1] ?? '')
    out.say(` ${codeToEn(last[2] ?? '')}`)
    return end + last[0].length
  }

  const word: Rule = ({ text, at, out }) => {
    const match = matchAt(WORD, text, at)
    if (match === null) return -1
    const isSpelled =
      spelled.has(match[0]) || (match[0].length > 1 && /^[B-DF-HJ-NP-TV-XZ]+$/.test(match[0]))
    const isJoined = /[\d%]/.test(text.charAt(at - 1))
    if (isJoined) out.say(' ')
    if (isSpelled) out.letters(match[0])
    else out.say(match[0])
    return at + match[0].length
  }

  return { letter: [date, money, address, compoundUnit, code, word], address, money }
}

const codeToEn = (figure: string) =>
  figure.length > 2 || figure.startsWith('0') ? digitsToEn(figure) : integerToEn(figure)

/** English text → what an English speaker says. Pure; built once from the voice data. */
import { cleanText } from './clean-text.ts'
import { createTextCompleter } from './complete-text.ts'
import { createEnDigits } from './en-digits.ts'
import { digitsToEn, integerToEn, ordinalToEn, yearToEn } from './en-number.ts'
import { createMinusReader } from './minus.ts'
import { phoneAt } from './phone-number.ts'
import { isDigit, matchAt, oneOf, type Rule, type RuleBook, scanText } from './scan.ts'
import type { Speaker } from './speak-zh.ts'
import { SpokenWriter } from './spoken.ts'
import { createUnitReader } from './unit-reader.ts'
import type { VoiceData } from './voice-data.ts'

const HANZI = /[\u3400-\u9fff][\u3000-\u303f\u3400-\u9fff]*/y
/** BP120/80 is no code: its figures are a pair. */
const CODE = /(?!(?:NI)?[Bb][Pp]\d+\/)([A-Z]{1,4})-?(\d+)(?!\d|[.:]\d)/y
const WORD = /[A-Za-z]+(?:['’][A-Za-z]+)*/y
const ADDRESS =
  /(?:https?:\/\/)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*(?:\.[A-Za-z]{2,}|@[A-Za-z0-9.-]+\.[A-Za-z]{2,})(?:\/[A-Za-z0-9_/.-]*)?/y
const SENTENCE_END = /(?:[!?;。！？；…\n]+|\.)["'”’)]*(?=\s|$)\s*|\n\s*/y
/** Short words before a stop that do not end a sentence. */
const TITLES = /(?:^|\s)(?:Dr|Mr|Mrs|Ms|Prof|St|No|no|vs|e\.g|i\.e|approx)$/
const PLAIN = /(?:[^\x21-\x7e。！？；…°º℃℉‰≥≤≈≠±×÷→←↑↓•·–—～¥￥€£№®™©µμ\u3400-\u9fff]|[,'](?!\d))+/y
const CHINESE = 'zh-CN'
/** `O-`, `4-`: behind it stands nothing that it could join, as in "5- or 10-day". */
const LOOSE_MINUS = /-(?=$|[\s.,;)])(?!\s+(?:and|or|to|through)\b)/y
const MARKED = /(?:\d|(?:^|[^A-Za-z])[A-Z]{1,3})$/
/** A wave before a figure says no more than these. */
const ABOUT = /\b(?:about|around|approx\.?|approximately)\s*$/i
/** Words of one or two letters that are said as words even in capitals. */
const TITLE_LOOK_BACK_CHARS = 8

export function createEnSpeaker(data: VoiceData): Speaker {
  const units = createUnitReader(data.units.units)
  const digits = createEnDigits(data, units)
  const isMinus = createMinusReader(units, data.en.signed)
  const { en } = data
  const spelled = new Set(
    data.latin
      .filter((word) => word.say === 'letters' && word.text === word.text.toUpperCase())
      .map((word) => word.text),
  )
  spelled.delete('OK')
  const months = [...en.months, ...en.monthShort]
  const monthDay = new RegExp(
    `(${oneOf(months)})\\.?\\s+(\\d{1,2})(?:st|nd|rd|th)?(?![\\d:])(?:,?\\s+((?:19|20)\\d\\d))?(?!\\d)`,
    'y',
  )
  const monthYear = new RegExp(`(${oneOf(en.months)})\\s+((?:19|20)\\d\\d)(?!\\d)`, 'y')
  const names = new Map(
    data.units.currencies.flatMap((each) =>
      each.symbols.map((symbol) => [symbol, each.en] as const),
    ),
  )
  const currency = new RegExp(`(${oneOf([...names.keys()])})\\s?(?=\\d)`, 'y')

  const date: Rule = ({ text, at, out }) => {
    const day = matchAt(monthDay, text, at)
    const match = day ?? matchAt(monthYear, text, at)
    if (match === null) return -1
    const index = months.indexOf(match[1] ?? '') % en.months.length
    const year = day === null ? match[2] : match[3]
    if (day !== null && (Number(day[2]) > 31 || Number(day[2]) < 1)) return -1
    out.say(`${en.months[index]}${day === null ? '' : ` ${ordinalToEn(day[2] ?? '')}`}`)
    if (year !== undefined) out.say(`${day === null ? ' ' : ', '}${yearToEn(year)}`)
    return at + match[0].length
  }

  const money: Rule = (scan) => {
    const match = matchAt(currency, scan.text, scan.at)
    const name = match && names.get(match[1] ?? '')
    if (!match || !name) return -1
    return digits.money(scan, scan.at + match[0].length, name)
  }

  const address: Rule = ({ text, at, out }) => {
    const match = matchAt(ADDRESS, text, at)
    if (match === null) return -1
    for (const part of match[0].replace(/^https?:\/\//, '').match(/[A-Za-z]+|\d+|[^A-Za-z0-9]/g) ??
      []) {
      if (isDigit(part.charCodeAt(0))) out.sayWord(digitsToEn(part))
      else if (part === 'www') out.letters(part)
      else if (/[A-Za-z]/.test(part)) out.sayWord(part)
      else out.sayWord(part === '.' ? 'dot' : part === '@' ? 'at' : part === '/' ? 'slash' : 'dash')
    }
    return at + match[0].length
  }

  const code: Rule = ({ text, at, out }) => {
    const match = matchAt(CODE, text, at)
    if (match === null || units.isMeasure(text, at + match[0].length)) return -1
    if (isMinus(text, at + (match[1] ?? '').length)) return -1
    const figure = match[2] ?? ''
    out.letters(match[1] ?? '')
    out.say(
      ` ${figure.length > 2 || figure.startsWith('0') ? digitsToEn(figure) : integerToEn(figure)}`,
    )
    return at + match[0].length
  }

  const word: Rule = ({ text, at, out }) => {
    const match = matchAt(WORD, text, at)
    if (match === null) return -1
    const isSpelled =
      spelled.has(match[0]) || (match[0].length > 1 && /^[B-DF-HJ-NP-TV-XZ]+$/.test(match[0]))
    if (isSpelled) out.letters(match[0])
    else if (isDigit(text.charCodeAt(at - 1))) out.sayWord(match[0])
    else out.say(match[0])
    return at + match[0].length
  }

  const sentenceEnd: Rule = ({ text, at, out }) => {
    const match = matchAt(SENTENCE_END, text, at)
    if (match === null || TITLES.test(text.slice(Math.max(0, at - TITLE_LOOK_BACK_CHARS), at)))
      return -1
    out.say(match[0].trim())
    out.end()
    return at + match[0].length
  }

  const dash: Rule = (scan) => {
    const { text, at, out, numberEnd } = scan
    const sign = text.charAt(at)
    if (matchAt(LOOSE_MINUS, text, at) !== null && MARKED.test(text.slice(0, at))) {
      out.sayWord('minus')
      return at + 1
    }
    if (!/[-–—~～]/.test(sign) || !/\d|[¥￥$€£]/.test(text.charAt(at + 1))) return -1
    const isJoined = /[A-Za-z0-9]/.test(text.charAt(at - 1))
    if (numberEnd === at) out.sayWord('to ')
    else if (/[~～]/.test(sign)) out.sayWord(ABOUT.test(text.slice(0, at)) ? '' : 'about ')
    else if (!isJoined || isMinus(text, at)) out.sayWord('minus ')
    else out.say(' ')
    return at + 1
  }

  const phone: Rule = ({ text, at, out }) => {
    const number = /[+(]/.test(text.charAt(at)) ? phoneAt(text, at) : undefined
    if (number === undefined) return -1
    out.groups(number.groups.map(digitsToEn), true)
    return number.end
  }

  const foreign: Rule = ({ text, at, out }) => {
    const match = matchAt(HANZI, text, at)
    if (match === null) return -1
    out.foreign(match[0], CHINESE)
    return at + match[0].length
  }

  const symbol: Rule = ({ text, at, out }) => {
    const char = text.charAt(at)
    const say = en.symbols[char]
    if (say === undefined) out.say(/[,.:'()]/.test(char) ? char : '')
    else if (/^[a-z]/.test(say)) out.sayWord(`${say} `)
    else out.say(say)
    return at + 1
  }

  const complete = createTextCompleter({
    units,
    counted: [],
    finding: en.finding,
    shorthand: en.shorthand,
  })
  const book: RuleBook = {
    digit: [address, ...digits.rules],
    letter: [date, money, address, code, word],
    symbol: [sentenceEnd, phone, money, dash, foreign, symbol],
    plain: PLAIN,
  }
  return (text) => {
    const out = new SpokenWriter()
    scanText(book, complete(cleanText(text)), out)
    return { pieces: out.finish(), phones: out.phones }
  }
}

/** Rules for Latin letters and symbols in Chinese text. */
import { addressAt } from './address.ts'
import { createMinusReader } from './minus.ts'
import { phoneAt } from './phone-number.ts'
import { isDigit, isLetter, matchAt, oneOf, type Rule } from './scan.ts'
import type { UnitReader } from './unit-reader.ts'
import type { VoiceData } from './voice-data.ts'
import { digitsToZh, integerToZh } from './zh-number.ts'
import type { ZhQuantities } from './zh-quantity.ts'

const WORDS = /[A-Za-z]+(?:['’-][A-Za-z]+)*(?: [A-Za-z]+(?:['’-][A-Za-z]+)*)*/y
/** BP120/80 is no code: its figures are a pair. */
const CODE = /(?!(?:NI)?[Bb][Pp]\d+\/)([A-Za-z]{1,4})-?(\d+)(?!\d|[.:]\d)/y
const CODE_TAIL = /-?([A-Za-z]{1,3}(?![A-Za-z])|\d+(?![A-Za-z\d]|[.:]\d))/y
/** L1-L4, A012-A020 */
const CODES_UP_TO = /\s?[-–~～—至到]\s?([A-Za-z]{1,2})(\d+)(?![A-Za-z\d]|[-.:]\d)/y
const FLOOR = /([1-9]\d?)F(?![A-Za-z])/y
/** Longer runs of capitals are headlines, not abbreviations. */
const MAX_ABBREVIATION_LETTERS = 5
/** What a plus sign adds to what stands before it. */
const JOINED = /\s?[A-Za-z\d.．(（\u3400-\u9fff]/y
/** report.pdf */
const INNER_DOT = /(?<=[A-Za-z])\.(?=[A-Za-z])/y
/** 5月-6月, 周一-周五; 较上月-0.05% has a minus. */
const COUNTED_END =
  /[\d一二三四五六七八九十半]\s?[\u4e00-\u9fff]$|[一二三四五六七八九十]$|[周天]日?$/
const ENGLISH = 'en-US'
/** 肌力4-级, `A-`: behind it stands nothing that it could join. */
const LOOSE_MINUS = /-(?=$|[级\s,，。;；、)）])(?!\s+\d)/y

export function createZhLetters(data: VoiceData, units: UnitReader, digits: ZhQuantities) {
  const { zh } = data
  const sayings = new Map(data.latin.map((word) => [word.text, word.say]))
  const known = new RegExp(`(?:${oneOf([...sayings.keys()])})(?:(?<=\\.)|(?![A-Za-z0-9]))`, 'y')
  const basement = new RegExp(`B([1-9])(?=\\s?(?:${oneOf(zh.basement.units)}))`, 'y')
  const currencies = data.units.currencies.flatMap((each) =>
    each.symbols.map((symbol) => [symbol, each.zh] as const),
  )
  const nameOf = new Map(currencies)
  const currency = new RegExp(`(${oneOf([...nameOf.keys()])})\\s?(?=\\d)`, 'y')
  const rangeLeft = new Set(zh.rangeLeft)
  const rangeRight = new RegExp(
    `\\s?(?:[\\d一二三四五六七八九十¥￥$]|${oneOf(zh.rangeRight)})`,
    'y',
  )

  /** 毫克/24小时 */
  const span = /\d+(?:\.\d+)?\s?(?:小时|分钟|天|日|周)/y
  const counted = new RegExp(oneOf(zh.liang), 'y')
  const isMinus = createMinusReader(units, zh.signed)

  const word: Rule = ({ text, at, out }) => {
    const match = matchAt(known, text, at)
    if (match === null) return -1
    const say = sayings.get(match[0]) ?? ''
    if (say === 'letters') out.letters(match[0].replace(/[^A-Za-z]/g, ''))
    else if (say === 'word') out.foreign(match[0], ENGLISH)
    else out.alias(match[0], say)
    return at + match[0].length
  }

  const money: Rule = (scan) => {
    const match = matchAt(currency, scan.text, scan.at)
    if (match === null) return -1
    return digits.money(scan, scan.at + match[0].length, nameOf.get(match[1] ?? '') ?? '')
  }

  const compoundUnit: Rule = ({ text, at, out }) => {
    const unit = units.read(text, at, false)
    if (unit === undefined || !unit.isCompound) return -1
    out.alias(text.slice(at, unit.end), unit.zh)
    return unit.end
  }

  const bareSymbolUnit: Rule = ({ text, at, out }) => {
    const unit = units.read(text, at, false)
    if (unit === undefined) return -1
    out.say(unit.zh)
    return unit.end
  }

  const address: Rule = ({ text, at, out }) => {
    const found = addressAt(text, at)
    if (found === undefined) return -1
    const parts = found.parts.at(-1) === '/' ? found.parts.slice(0, -1) : found.parts
    for (const part of parts) {
      if (isDigit(part.charCodeAt(0))) out.say(digitsToZh(part))
      else if (isLetter(part.charCodeAt(0))) sayLatin(part, out)
      else out.say(part === '.' ? '点' : part === '@' ? '艾特' : part === '/' ? '斜杠' : '杠')
    }
    return found.end
  }

  const floorBelow: Rule = ({ text, at, out }) => {
    const match = matchAt(basement, text, at)
    if (match === null) return -1
    out.say(zh.basement.prefix + integerToZh(match[1] ?? ''))
    return at + match[0].length
  }

  /** A4, B12, A102, T3-2, H7N9; what has a unit behind it is a measured value: CRP12mg/L. */
  const code: Rule = ({ text, at, out }) => {
    const match = matchAt(CODE, text, at)
    if (match === null || units.isMeasure(text, at + match[0].length)) return -1
    if (isMinus(text, at + (match[1] ?? '').length)) return -1
    out.letters((match[1] ?? '').toUpperCase())
    sayCodeDigits(match[2] ?? '', out)
    let end = at + match[0].length
    const last = matchAt(CODES_UP_TO, text, end)
    if (last !== null) {
      out.say('到')
      out.letters((last[1] ?? '').toUpperCase())
      sayCodeDigits(last[2] ?? '', out)
      return end + last[0].length
    }
    for (
      let tail = matchAt(CODE_TAIL, text, end);
      tail !== null;
      tail = matchAt(CODE_TAIL, text, end)
    ) {
      const part = tail[1] ?? ''
      if (isDigit(part.charCodeAt(0))) {
        if (tail[0].startsWith('-')) out.say('杠')
        sayCodeDigits(part, out)
      } else out.letters(part.toUpperCase())
      end += tail[0].length
    }
    return end
  }

  const latin: Rule = ({ text, at, out }) => {
    const match = matchAt(WORDS, text, at)
    if (match === null) return -1
    const run = match[0]
    const first = run.search(/[ ]/) < 0 ? run : run.slice(0, run.indexOf(' '))
    if (isAbbreviation(first)) {
      sayLatin(first, out)
      return at + first.length
    }
    out.foreign(run, ENGLISH)
    return at + run.length
  }

  /** 3F: the lift's name of a floor. */
  const floor: Rule = ({ text, at, out }) => {
    const match = matchAt(FLOOR, text, at)
    if (match === null) return -1
    out.say(`${integerToZh(match[1] ?? '')}楼`)
    return at + match[0].length
  }

  const sentenceEnd: Rule = ({ text, at, out }) => {
    const match = matchAt(/[。！？!?；;…\n]+[”’』」）)"']*\s*/y, text, at)
    if (match === null) return -1
    out.say(match[0].replace(/[\n;]+/g, '').trimEnd())
    out.end()
    return at + match[0].length
  }

  const stop: Rule = ({ text, at, out }) => {
    if (text.charAt(at) !== '.' || !/^(?:\s|$)/.test(text.slice(at + 1, at + 2))) return -1
    out.end()
    return text.charAt(at + 1) === ' ' ? at + 2 : at + 1
  }

  const phone: Rule = (scan) => {
    const number = /[+(]/.test(scan.text.charAt(scan.at)) ? phoneAt(scan.text, scan.at) : undefined
    if (number === undefined) return -1
    const groups = number.groups.map((group) => digitsToZh(group, true))
    scan.out.groups(groups, true)
    scan.phoneEnd = number.end
    return number.end
  }

  /** `1.打开` in a list, `60岁+`, `1000+家`; between two things (`100mg+维生素C`) the sign adds. */
  const afterNumber: Rule = ({ text, at, out, numberEnd }) => {
    const sign = text.charAt(at)
    const isAfterFigure =
      isDigit(text.charCodeAt(at - 1)) && matchAt(counted, text, at + 1) !== null
    if (sign === '#' && numberEnd === at) out.say('号')
    else if (sign === '×' && numberEnd === at) out.say(zh.fold)
    else if (sign === '.' && numberEnd === at) out.say('，')
    else if (
      sign === '+' &&
      at - numberEnd <= 1 &&
      numberEnd > 0 &&
      (isAfterFigure || matchAt(JOINED, text, at + 1) === null)
    ) {
      out.say('以上')
    } else return -1
    return at + 1
  }

  const dash: Rule = (scan) => {
    const { text, at, out } = scan
    if (!/[-–~～—]/.test(text.charAt(at))) return -1
    const before = text.charAt(at - 1)
    const isAfterNumber =
      scan.numberEnd === at ||
      (rangeLeft.has(before) && COUNTED_END.test(text.slice(Math.max(0, at - 4), at)))
    if (isAfterNumber && matchAt(rangeRight, text, at + 1) !== null) {
      out.say('到')
      return at + 1
    }
    if (/[~～]/.test(text.charAt(at)) && isDigit(text.charCodeAt(at + 1))) {
      if (before !== zh.about) out.say(zh.about)
      return at + 1
    }
    if (text.charAt(at) !== '-') return -1
    if (matchAt(currency, text, at + 1) !== null) {
      out.say('负')
      return at + 1
    }
    const isNumberNext = isDigit(text.charCodeAt(at + 1))
    if (
      /[A-Za-z\d]$|[A-Z] $/.test(text.slice(Math.max(0, at - 2), at)) &&
      matchAt(LOOSE_MINUS, text, at) !== null
    ) {
      out.say(zh.less)
      return at + 1
    }
    if (!isNumberNext || (/[A-Za-z0-9]/.test(before) && !isMinus(text, at))) return -1
    return digits.quantity(scan, at + 1, isBelowZero(text, at + 1) ? '零下' : '负')
  }

  /** 20元/次 → 二十元每次; 120mg/24h, copies/mL. */
  const per: Rule = (scan) => {
    const { text, at, out, numberEnd } = scan
    if (text.charAt(at) !== '/') return -1
    if (units.hasFigureBelow(text, at)) return digits.quantity(scan, at + 1, '每')
    const unit = units.read(text, at + 1, true)
    const isCounted =
      numberEnd >= 0 &&
      at - numberEnd <= 3 &&
      (at === numberEnd || /^[\u4e00-\u9fff]+$/.test(text.slice(numberEnd, at)))
    const isMeasure =
      units.isMeasure(text, at + 1) && /[A-Za-z\u4e00-\u9fff]/.test(text.charAt(at - 1))
    if (!isMeasure && !isCounted) return -1
    if (isCounted && matchAt(span, text, at + 1) !== null)
      return digits.quantity(scan, at + 1, '每')
    if (unit === undefined && text.charCodeAt(at + 1) < 0x4e00) return -1
    out.say(`每${unit?.zh ?? ''}`)
    return unit?.end ?? at + 1
  }

  const plainSymbol: Rule = ({ text, at, out }) => {
    if (matchAt(INNER_DOT, text, at) !== null) {
      out.say('点')
      return at + 1
    }
    out.say(zh.symbols[text.charAt(at)] ?? '')
    return at + 1
  }

  return {
    beforeDigits: [word, address, floor] as readonly Rule[],
    letter: [word, money, floorBelow, address, compoundUnit, code, latin] as readonly Rule[],
    symbol: [
      sentenceEnd,
      phone,
      money,
      stop,
      afterNumber,
      dash,
      per,
      bareSymbolUnit,
      plainSymbol,
    ] as readonly Rule[],
  }
}

function sayCodeDigits(digits: string, out: { say(words: string): void }): void {
  out.say(digits.length > 2 || digits.startsWith('0') ? digitsToZh(digits) : integerToZh(digits))
}

function sayLatin(
  part: string,
  out: { letters(text: string): void; foreign(text: string, lang: string): void },
): void {
  if (isAbbreviation(part)) out.letters(part.replace(/[^A-Za-z]/g, ''))
  else out.foreign(part, ENGLISH)
}

const isAbbreviation = (word: string) =>
  word.length === 1 ||
  (/^[A-Z]+$/.test(word) && word.length <= MAX_ABBREVIATION_LETTERS) ||
  !/[aeiouyAEIOUY]/.test(word)

const BELOW_ZERO = /\d+(?:\.\d+)?\s?(?:℃|°C|º|°|度|摄氏度)/y
const isBelowZero = (text: string, at: number) => matchAt(BELOW_ZERO, text, at) !== null

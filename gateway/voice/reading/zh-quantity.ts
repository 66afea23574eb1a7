/** Numbers that count: with range, percent, unit, power, money. */
import { isNextBelowZero } from './minus.ts'
import { matchAt, type Scan } from './scan.ts'
import type { UnitReader } from './unit-reader.ts'
import type { ZhContext } from './zh-context.ts'
import { decimalToZh, digitsToZh, integerToZh, yearToZh, yuanToZh } from './zh-number.ts'

export const NUMBER = /(\d{1,3}(?:,\d{3})+(?!\d)|\d+)(\.\d+)?/y
const RANGE = /\s?[-~～–—]\s?(\d{1,3}(?:,\d{3})+(?!\d)|\d+)(\.\d+)?(?![\d:：]|\s?[-/.]\d| \d+\/\d)/y
const POWER = /(?:\^|\*)(-?)(\d+)/y
const TIMES = /\s?[×xX*]\s?(?=\d)/y
const PERCENT = /\s?([%‰])/y
const YUAN = /\s?元/y
/** What joins the parts of a code such as 3-201. */
export const CODE_JOIN = '杠'

export interface ZhQuantities {
  /** A number with what belongs to it; `prefix` is said before the figure, after 百分之. */
  quantity(scan: Scan, at: number, prefix?: string): number
  /** Money after a currency sign: `name` is 元, 美元 …; returns where it ends. */
  money(scan: Scan, at: number, name: string): number
}

export function createZhQuantities(units: UnitReader, context: ZhContext): ZhQuantities {
  function quantity(scan: Scan, at: number, prefix = ''): number {
    const { text, out } = scan
    const figure = figureAt(text, at)
    if (figure === undefined) return -1
    const { number, range } = figure
    let { end } = figure
    if (range?.isCode) {
      out.say(`${integerToZh(number)}${CODE_JOIN}${plainOrDigits(range.number)}`)
      return range.end
    }
    end = range?.end ?? end
    const percent = matchAt(PERCENT, text, end)
    if (percent !== null) {
      out.say(`${percent[1] === '%' ? '百分之' : '千分之'}${prefix}`)
      out.say(decimalToZh(number) + (range ? `到${decimalToZh(range.number)}` : ''))
      scan.numberEnd = end + percent[0].length
      return scan.numberEnd
    }
    out.say(prefix)
    if (range === undefined && number.includes('.') && number.split('.')[1]?.length !== undefined) {
      const yuan = matchAt(YUAN, text, end)
      if (yuan !== null && /\.\d{1,2}$/.test(number)) {
        out.say(yuanToZh(number))
        scan.numberEnd = end + yuan[0].length
        return scan.numberEnd
      }
    }
    const isYears =
      range !== undefined && context.isYear(text, range.number, end) && number.length === 4
    const two = context.two(text, at, end)
    const read = isYears ? yearToZh : (figure: string) => decimalToZh(figure, two)
    out.say(read(number) + (range ? `到${read(range.number)}` : ''))
    return unitAfter(scan, end)
  }

  /** Powers, products and units that stand right after a figure. */
  function unitAfter(scan: Scan, from: number): number {
    const { text, out } = scan
    let end = from
    const power = matchAt(POWER, text, end)
    if (power !== null && (text.charAt(end) === '^' || text.slice(end - 2, end) === '10')) {
      out.say(`的${power[1] === '-' ? '负' : ''}${integerToZh(power[2] ?? '')}次方`)
      end += power[0].length
      if (text.charAt(end) === '/') {
        const below = units.read(text, end + 1, true)
        if (below !== undefined) {
          out.say(`每${below.zh}`)
          end = below.end
        }
      }
    } else {
      const unit = units.read(text, skipSpace(text, end), true)
      if (unit !== undefined) {
        out.say(unit.zh)
        end = unit.end
      }
    }
    const times = matchAt(TIMES, text, end)
    scan.numberEnd = end
    if (times === null) return skipSpaceBeforeHanzi(text, end)
    out.say('乘')
    return end + times[0].length
  }

  /** The number that begins here, where it ends, and what it reaches up to. */
  function figureAt(text: string, at: number) {
    const match = matchAt(NUMBER, text, at)
    if (match === null) return undefined
    const number = match[0].replaceAll(',', '')
    const end = at + match[0].length
    const range = isNextBelowZero(text, at, end) ? undefined : rangeAfter(text, at, end, number)
    return { number, end, range }
  }

  interface Range {
    readonly number: string
    readonly end: number
    /** A dash that does not lead upwards joins parts of a code. */
    readonly isCode: boolean
  }

  function rangeAfter(text: string, at: number, end: number, low: string): Range | undefined {
    const match = matchAt(RANGE, text, end)
    if (match === null) return undefined
    const high = match[0].replace(/^[^\d]+/, '').replaceAll(',', '')
    const after = end + match[0].length
    const isDash = /-/.test(match[0])
    const isRoom =
      /^\d{3,}$/.test(high) &&
      low.length <= 2 &&
      (context.isCode(text, after - high.length, after) || context.isHouse(text, at))
    return { number: high, end: after, isCode: isDash && (Number(high) <= Number(low) || isRoom) }
  }

  const plainOrDigits = (number: string) =>
    number.includes('.') || (number.length < 3 && !number.startsWith('0'))
      ? decimalToZh(number)
      : digitsToZh(number)

  function money(scan: Scan, at: number, name: string): number {
    const { text, out } = scan
    const figure = figureAt(text, at)
    if (figure === undefined) return -1
    const { number, range } = figure
    let { end } = figure
    if (range !== undefined && !range.isCode) {
      out.say(`${decimalToZh(number, '两')}到${decimalToZh(range.number, '两')}`)
      end = range.end
    } else if (
      name === '元' &&
      /^\d+(\.\d{1,2})?$/.test(number) &&
      !/[万亿千]/.test(text.charAt(end))
    ) {
      out.say(yuanToZh(number))
      scan.numberEnd = end
      return text.charAt(end) === '元' ? end + 1 : end
    } else {
      out.say(decimalToZh(number, '两'))
    }
    while (/[千万亿]/.test(text.charAt(end))) out.say(text.charAt(end++))
    out.say(name)
    scan.numberEnd = end
    return text.charAt(end) === '元' ? end + 1 : end
  }

  return { quantity, money }
}

export const skipSpace = (text: string, at: number) => (text.charAt(at) === ' ' ? at + 1 : at)
/** `30 元` is one word in speech. */
const skipSpaceBeforeHanzi = (text: string, at: number) =>
  text.charAt(at) === ' ' && text.charCodeAt(at + 1) >= 0x4e00 ? at + 1 : at

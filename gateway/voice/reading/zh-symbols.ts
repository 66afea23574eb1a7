/** Rules for signs in Chinese text. */
import { phoneAt } from './phone-number.ts'
import { isDigit, matchAt, oneOf, type Rule } from './scan.ts'
import type { UnitReader } from './unit-reader.ts'
import type { ReadingZh } from './voice-data.ts'
import { digitsToZh, integerToZh } from './zh-number.ts'
import type { ZhQuantities } from './zh-quantity.ts'

const POWER = /\^(\d{1,2})(?!\d)/y
/** What a plus sign adds to what stands before it. */
const JOINED = /\s?[A-Za-z\d.．(（\u3400-\u9fff]/y
/** report.pdf, I10.x05 */
const INNER_DOT = /(?<=[A-Za-z\d])\.(?=[A-Za-z])/y

/** `money` and `dash` are rules of their own, see zh-letters.ts and zh-dash.ts. */
export function createZhSymbols(
  zh: ReadingZh,
  units: UnitReader,
  digits: ZhQuantities,
  own: { readonly money: Rule; readonly dash: Rule },
): readonly Rule[] {
  /** 早1片/晚2片, 和/或: no share of an amount. */
  const other = new RegExp(`(?:${oneOf(zh.notPer)})|[\\u4e00-\\u9fff]{1,2}\\d`, 'y')
  /** 毫克/24小时 */
  const span = /\d+(?:\.\d+)?\s?(?:小时|分钟|天|日|周)/y
  /** 9.9元/500g */
  const portion = /\d+(?:\.\d+)?\s?(?:g|kg|克|斤|公斤|m[lL]|毫升|[Ll]|升|片|粒|[小时分钟天日周]+)/y
  const counted = new RegExp(oneOf(zh.liang), 'y')

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
    const below = text.charAt(at - 1) === '元' ? portion : span
    if (isCounted && matchAt(below, text, at + 1) !== null)
      return digits.quantity(scan, at + 1, '每')
    if (unit === undefined && (text.charCodeAt(at + 1) < 0x4e00 || matchAt(other, text, at + 1)))
      return -1
    out.say(`每${unit?.zh ?? ''}`)
    return unit?.end ?? at + 1
  }

  const bareSymbolUnit: Rule = ({ text, at, out }) => {
    const unit = units.read(text, at, false)
    if (unit === undefined) return -1
    out.say(unit.zh)
    return unit.end
  }

  const plainSymbol: Rule = ({ text, at, out }) => {
    const power = matchAt(POWER, text, at)
    if (power !== null) {
      out.say(`的${integerToZh(power[1] ?? '')}次方`)
      return at + power[0].length
    }
    if (matchAt(INNER_DOT, text, at) !== null) {
      out.say('点')
      return at + 1
    }
    out.say(zh.symbols[text.charAt(at)] ?? '')
    return at + 1
  }

  return [
    sentenceEnd,
    phone,
    own.money,
    stop,
    afterNumber,
    own.dash,
    per,
    bareSymbolUnit,
    plainSymbol,
  ]
}

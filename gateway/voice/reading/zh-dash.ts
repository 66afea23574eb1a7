/** What a dash or a wave is in Chinese text: 到, 负, 减, 约, or nothing. */
import type { MinusReader } from './minus.ts'
import { isDigit, matchAt, oneOf, type Rule } from './scan.ts'
import type { ReadingZh } from './voice-data.ts'
import { integerToZh } from './zh-number.ts'
import { CODE_JOIN, type ZhQuantities } from './zh-quantity.ts'

/** 5月-6月, 周一-周五; 较上月-0.05% has a minus. */
const COUNTED_END =
  /[\d一二三四五六七八九十半]\s?[\u4e00-\u9fff]$|[一二三四五六七八九十]$|(?:周|星期|礼拜)[日天]$/
/** 较3月-0.05%, 28日-5℃: a day does not lead up to a share or a temperature. */
const SHARE = /\d+(?:\.\d+)?(?:[~～]\d+(?:\.\d+)?)?\s?(?:[%‰℃]|°C)/y
const DAY_END = /[年月日号天周季]度?$/
/** -1F */
const FLOOR_BELOW = /(?<![A-Za-z\d])-([1-9])F(?![A-Za-z\d])/y
/** K-3.5: behind letters that may be a minus or not. */
const PART = /\d+\.\d/y
const LOOK_BACK_CHARS = 12
/** 12床-1张三 is the first place by bed 12; 12床-15床 leads up to something. */
const BED_END = /(\d+)床$/
const PLACE = /\d+/y
/** A figure with its unit, whatever the unit: 5万, 5公里. */
const AMOUNT = /\d\s?[^\s\d，。,;；、（(]{0,5}$/
const AMOUNT_END = /(\d[\d,]*(?:\.\d+)?)\s?[\u4e00-\u9fff]{1,4}$/
const FIGURE = /(\d[\d,]*(?:\.\d+)?)/y
const PRICE = /[¥￥$€£]\s?(\d[\d,]*(?:\.\d+)?)/y
/** 肌力4-级, `A-`: behind it stands nothing that it could join. */
const LOOSE_MINUS = /-(?=$|[级\s,，。;；、)）])(?!\s+\d)/y

/** `currency` is the sticky pattern of a currency's sign before its figure. */
export function createZhDash(
  zh: ReadingZh,
  digits: ZhQuantities,
  isMinus: MinusReader,
  currency: RegExp,
): Rule {
  const rangeLeft = new Set(zh.rangeLeft)
  const rangeRight = new RegExp(
    `\\s?(?:[\\d一二三四五六七八九十¥￥$]|${oneOf(zh.rangeRight)})`,
    'y',
  )

  return (scan) => {
    const { text, at, out } = scan
    if (!/[-–~～—]/.test(text.charAt(at))) return -1
    const before = text.charAt(at - 1)
    const ahead = text.slice(Math.max(0, at - LOOK_BACK_CHARS), at)
    const place = placeAt(ahead, text, at)
    if (place !== undefined) {
      out.say(CODE_JOIN + integerToZh(place))
      return at + 1 + place.length
    }
    const isAfterNumber =
      scan.numberEnd === at ||
      (rangeLeft.has(before) &&
        matchAt(SHARE, text, at + 1) === null &&
        COUNTED_END.test(text.slice(Math.max(0, at - 4), at)))
    const isLess = scan.numberEnd === at && isDownTo(text, at)
    if (isAfterNumber && !isLess && matchAt(rangeRight, text, at + 1) !== null) {
      out.say('到')
      return at + 1
    }
    if (/[~～]/.test(text.charAt(at)) && isDigit(text.charCodeAt(at + 1))) {
      if (AMOUNT.test(ahead)) out.say('到')
      else if (before !== zh.about) out.say(zh.about)
      return at + 1
    }
    if (isUpFrom(ahead, text, at + 1)) {
      out.say('到')
      return at + 1
    }
    if (text.charAt(at) !== '-') return -1
    if (matchAt(currency, text, at + 1) !== null) {
      out.say(scan.numberEnd === at ? zh.less : '负')
      return at + 1
    }
    const below = matchAt(FLOOR_BELOW, text, at)
    if (below !== null) {
      out.say(`负${integerToZh(below[1] ?? '')}楼`)
      return at + below[0].length
    }
    const isNumberNext = isDigit(text.charCodeAt(at + 1))
    if (
      /[A-Za-z\d]$|[A-Z] $/.test(text.slice(Math.max(0, at - 2), at)) &&
      matchAt(LOOSE_MINUS, text, at) !== null
    ) {
      out.say(zh.less)
      return at + 1
    }
    if (!isNumberNext) return -1
    if (/[A-Za-z0-9]/.test(before) && !isMinus(text, at)) {
      if (matchAt(PART, text, at + 1) === null) return -1
      out.say(CODE_JOIN)
      return at + 1
    }
    return digits.quantity(scan, at + 1, isBelowZero(text, at + 1) ? '零下' : '负')
  }
}

/** The number of a place at a bed, which is less than the bed's own. */
function placeAt(ahead: string, text: string, at: number): string | undefined {
  const bed = text.charAt(at) === '-' ? BED_END.exec(ahead)?.[1] : undefined
  const place = matchAt(PLACE, text, at + 1)?.[0]
  const isPlace = bed !== undefined && place !== undefined && Number(place) < Number(bed)
  return isPlace && !text.startsWith('床', at + 1 + place.length) ? place : undefined
}

const figureOf = (figure: string | undefined) => Number((figure ?? '').replaceAll(',', ''))
/** 5公里-10公里 leads up to something; what does not is a minus. */
function isUpFrom(ahead: string, text: string, at: number): boolean {
  const low = AMOUNT_END.exec(ahead)
  const high = matchAt(FIGURE, text, at)
  if (matchAt(SHARE, text, at) !== null && DAY_END.test(ahead)) return false
  return low !== null && high !== null && figureOf(high[1]) > figureOf(low[1])
}
/** ¥200-¥30: less by so much. */
function isDownTo(text: string, at: number): boolean {
  const high = /([\d,.]+)$/.exec(text.slice(Math.max(0, at - LOOK_BACK_CHARS), at))
  const low = matchAt(PRICE, text, at + 1)
  return high !== null && low !== null && figureOf(low[1]) < figureOf(high[1])
}
const BELOW_ZERO = /\d+(?:\.\d+)?\s?(?:℃|°C|º|°|度|摄氏度)/y
const isBelowZero = (text: string, at: number) => matchAt(BELOW_ZERO, text, at) !== null

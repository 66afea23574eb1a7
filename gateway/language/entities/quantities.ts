/** Numbers, ages, amounts of money, phone and identity numbers, beds, wards and rooms. */
import type { EntityHit, EntityReader } from './entity.ts'
import { NUMERAL, parseCount, parseNumeral } from './numerals.ts'

const N = `(${NUMERAL})`

/** All matches of `pattern` that `meaning` makes something of. */
export function readAll(
  text: string,
  pattern: RegExp,
  meaning: (groups: readonly (string | undefined)[]) => string | number | undefined,
): EntityHit[] {
  const hits: EntityHit[] = []
  for (const match of text.matchAll(pattern)) {
    const value = meaning(match)
    if (value === undefined) continue
    hits.push({ value, start: match.index, end: match.index + match[0].length })
  }
  return hits
}

const numeral = (words: string | undefined): number | undefined =>
  words === undefined ? undefined : parseNumeral(words)
const count = (words: string | undefined): number | undefined =>
  words === undefined ? undefined : parseCount(words)

const ANY_NUMBER = new RegExp(
  `(负|-)?${N}(度(?:[零〇一二两三四五六七八九]|\\d)(?![十百千万个楼层号点\\d.]))?(个?半)?`,
  'g',
)

/** Any number: 三十八度五 and 38度5 are 38.5, 两个半 reads 2.5, 百分之三 0.03, 三分之一 a third. */
export const readNumbers: EntityReader = (text) => {
  const fractions = readAll(text, new RegExp(`${N}分之${N}`, 'g'), ([, below, above]) => {
    const divisor = below === '百' ? 100 : numeral(below)
    const share = numeral(above)
    return divisor && share !== undefined ? share / divisor : undefined
  })
  const plain = readAll(text, ANY_NUMBER, ([, minus, words, degree, half]) => {
    const whole = count(words)
    if (whole === undefined) return undefined
    const tenths = degree ? (numeral(degree.slice(1)) ?? 0) / 10 : 0
    const value = whole + tenths + (half ? 0.5 : 0)
    return minus ? -value : value
  })
  const inFraction = (hit: EntityHit): boolean =>
    fractions.some(({ start, end }) => hit.start >= start && hit.start < end)
  return [...fractions, ...plain.filter((hit) => !inFraction(hit))].sort(
    (a, b) => a.start - b.start,
  )
}

const AGE = new RegExp(
  `${N}(岁半?|周岁|个半?月大|个月|years? old|year-old|months? old)|(?:aged?|age of) (\\d{1,3})`,
  'g',
)

/** Age in years; months as a part of a year, to two decimals. */
export const readAges: EntityReader = (text) =>
  readAll(text, AGE, ([, words, unit = '', english]) => {
    const whole = count(words ?? english)
    if (whole === undefined || whole > 1200) return undefined
    const exact = whole + (unit.includes('半') ? 0.5 : 0)
    if (!/月|month/.test(unit)) return exact > 150 ? undefined : exact
    return Math.round((exact / 12) * 100) / 100
  })

const MONEY = new RegExp(
  `[¥£$€]\\s?(\\d+(?:\\.\\d+)?)|${N}(万)?(?:元|块钱?|人民币|rmb|yuan|dollars?|pounds?|euros?)(?:${N}(角|毛|分)?)?`,
  'g',
)

/** An amount of money in its main unit: 三块五 is 3.5. */
export const readAmounts: EntityReader = (text) =>
  readAll(text, MONEY, ([, sign, words, tenThousands, after, unit]) => {
    const whole = count(sign ?? words)
    if (whole === undefined) return undefined
    const rest = numeral(after) ?? 0
    const parts = unit === '分' ? rest / 100 : rest < 10 ? rest / 10 : rest / 100
    return Math.round((whole * (tenThousands ? 1e4 : 1) + parts) * 100) / 100
  })

const PHONE =
  /(?<![\d])(1[3-9]\d[- ]?\d{4}[- ]?\d{4}|0\d{2,3}[- ]?\d{7,8}|400[- ]?\d{3}[- ]?\d{4}|\d{7,8})(?![\d])/g
const SPOKEN_PHONE = /[幺一二三四五六七八九零〇]{7,12}/g

/** A phone number as digits, also when it is read out: 幺三八… */
export const readPhones: EntityReader = (text) => [
  ...readAll(text, PHONE, ([, number = '']) => number.replace(/[- ]/g, '')),
  ...readAll(text, SPOKEN_PHONE, ([words = '']) => {
    const digits = [...words].map((word) => parseNumeral(word)).join('')
    return digits.length === 11 || digits.length < 9 ? digits : undefined
  }),
]

const IDENTITY = /(?<![\dx])(\d{17}[\dx])(?![\dx])/g
const IDENTITY_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]

/** A Chinese resident identity number whose check digit is right (GB 11643-1999). */
export const readIdentityNumbers: EntityReader = (text) =>
  readAll(text, IDENTITY, ([, number = '']) => {
    const sum = IDENTITY_WEIGHTS.reduce((all, weight, i) => all + weight * Number(number[i]), 0)
    return number[17] === '10x98765432'[sum % 11] ? number.toUpperCase() : undefined
  })

const place = (after: string, english: string): RegExp =>
  new RegExp(
    `(加)?${N}(?:-(\\d+))?(?:号|好)?(?:${after})|(?:${english}) ?(?:number |no )?(\\d+)`,
    'g',
  )

const placeReader =
  (pattern: RegExp): EntityReader =>
  (text) =>
    readAll(text, pattern, ([, extra, words, part, english]) => {
      const number = numeral(words ?? english)
      if (number === undefined) return undefined
      return `${extra ? '加' : ''}${number}${part ? `-${part}` : ''}`
    })

/** A bed: 加12床, 三号床, bed 12. */
export const readBeds = placeReader(place('床位?', 'bed'))
export const readWards = placeReader(place('病区|病房楼|区', 'ward'))
export const readRooms = placeReader(place('房间?|诊室|病房|室|检查室', 'room|clinic'))

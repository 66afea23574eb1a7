/** Finds passwords and codes in words and takes them out. Pure; how they are said stands in `data/secrets.ts`. */
import { BETWEEN, COUNTED, IS_MY, OR, SECRETS, SHORT_SECRETS, WHOSE } from './data/secrets.ts'

const GONE = '***'
const anyOf = (words: readonly string[]): string => `(?:${words.join('|')})`

const GAP = '[ \\u3000.·-]?'
const MARK = '[\\s:：=,，“”"\'‘’「」]'
const SPOKEN = '[零〇幺一二两三四五六七八九]'
const ENGLISH = '(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)(?![a-z])'
const DIGIT = '[0-9]'
const run = (least: number, most: number): string =>
  `(?<!${DIGIT})${DIGIT}(?:${GAP}${DIGIT}){${least - 1},${most - 1}}(?!${DIGIT})`
/** Six and more, or fewer that count nothing. */
const digits = (least: number): string =>
  `(?:${run(6, 32)}|${run(least, 5)}(?!\\s*${anyOf(COUNTED)}))`
/** 六六八八九九, 六个八, three three nine one. */
const spoken = (least: number): string =>
  `${SPOKEN}(?:[ 、]?${SPOKEN}){${least - 1},31}|(?:[二两三四五六七八2-8]个[零一二三四五六七八九0-9](?!${anyOf(COUNTED)})){1,4}|${ENGLISH}(?:[ -]${ENGLISH}){${least - 1},31}`
/** Letters and digits in one. */
const MIXED = '(?=[a-z@#$!_.-]{0,31}[0-9])(?=[0-9@#$!_.-]{0,31}[a-z])[a-z0-9@#$!_.-]{4,32}'
/** a b c 1 2 3. */
const SPELT = '(?<![a-z0-9])[a-z0-9](?: [a-z0-9]){3,31}(?![a-z0-9])'

const BEFORE = `(?:${MARK}|${anyOf(BETWEEN)}){0,8}`
const secretOf = (least: number): string =>
  `(?:${digits(least)}|${spoken(least)}|${MIXED}|${SPELT})`
const said = (name: string, least: number) =>
  new RegExp(
    `${name}${BEFORE}(?<secret>${secretOf(least)}(?:\\s*(?:[,，、]?\\s*${anyOf(OR)}|[,，、])\\s*${secretOf(least)})*)`,
    'dgiu',
  )

const NAME = anyOf(SECRETS)
const BEHIND_ITS_NAME = said(NAME, 4)
const SHORT = said(`(?:${SHORT_SECRETS})`, 3)
const BEFORE_ITS_NAME = new RegExp(
  `(?<secret>${digits(4)}|${spoken(4)})\\s*${anyOf(IS_MY)}\\s*(?:${anyOf(WHOSE)}|\\s){0,4}${NAME}`,
  'dgiu',
)
/** Of full or half width, and in circles. */
const OF_OTHER_WIDTH = /[\u2460-\u24ff\u3000\uff00-\uffef]/gu
const ANY_NAME = new RegExp(NAME, 'iu')

/**
 * The text without passwords, PINs, CVVs and codes that were said with their name: 密码是668899 → 密码是***.
 * One that is said without is not known from any other number.
 */
export function maskSecrets(text: string): string {
  if (!ANY_NAME.test(narrow(text))) return text
  return [BEFORE_ITS_NAME, SHORT, BEHIND_ITS_NAME].reduce(hide, text)
}

function hide(text: string, pattern: RegExp): string {
  let shown = ''
  let at = 0
  for (const { indices } of narrow(text).matchAll(pattern)) {
    const span = indices?.groups?.secret
    if (!span) continue
    shown += text.slice(at, span[0]) + GONE
    at = span[1]
  }
  return shown + text.slice(at)
}

/** Each letter as it is looked for, at its own place: ｋｅｆｕ２０２６ → kefu2026. */
function narrow(text: string): string {
  return text.replace(OF_OTHER_WIDTH, (letter) => {
    const plain = letter.normalize('NFKC')
    return plain.length === letter.length ? plain : letter
  })
}

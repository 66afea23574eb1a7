/** Brings any Unicode text to what the readers understand: ASCII digits, plain letters, legal XML characters. */

/** Characters that need work; ordinary Chinese and English text has none of them. */
const RARE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00a0\u00ad\u00b2\u00b3\u00b9\u00bc-\u00be\u2010-\u2012\u2015\u200b-\u200f\u2028-\u202e\u2044\u2060-\u2064\u2070-\u2079\u207a\u207b\u2080-\u2089\u2150-\u215f\u2160-\u217f\u2212\u2215\u2236\u2460-\u24ff\u2776-\u2793\u3000\u32c0-\u33ff\ud800-\udfff\ufeff\ufe50-\ufe6b\uff04-\uff5e\ufff9-\uffff]|(?![0-9])\p{Nd}|\p{Extended_Pictographic}|\p{Cn}|[\ufe00-\ufe0f]/u
const SUPERSCRIPT: Readonly<Record<string, string>> = {
  '⁰': '0',
  '¹': '1',
  '²': '2',
  '³': '3',
  '⁴': '4',
  '⁵': '5',
  '⁶': '6',
  '⁷': '7',
  '⁸': '8',
  '⁹': '9',
  '⁻': '-',
  '⁺': '+',
}
/** Ca²⁺ is an ion and no square: a sign that no raised figure follows. */
const CHARGE = /([²³]?)([⁺⁻])(?![⁰¹²³⁴-⁹])/g
/** Arrows and signs that Unicode counts among the emoji, which are left out. */
const PICTURED: Readonly<Record<string, string>> = {
  '⬆': '↑',
  '⬇': '↓',
  '➡': '→',
  '⬅': '←',
  '➕': '+',
  '➖': '-',
  '✖': '×',
  '➗': '÷',
  '↔': '→',
}
const FULL_WIDTH_KEPT = new Set('，！？：；（）［］｛｝～．／＃＊＜＞＄')
const MAX_DECOMPOSED_CHARS = 8

export function cleanText(text: string): string {
  return RARE.test(text) ? cleanRare(text) : text
}

function cleanRare(text: string): string {
  return text
    .replace(/⁺(?=[⁰¹²³⁴-⁹])([⁰¹²³⁴-⁹]+)/g, (_, run: string) => `+${plainRun(run)}`)
    .replace(
      CHARGE,
      (_, count: string, sign: string) => (SUPERSCRIPT[count] ?? '') + SUPERSCRIPT[sign],
    )
    .replace(/[⁰¹²³⁴-⁹⁻]+/g, (run) => `^${plainRun(run)}`)
    .replace(/[⬆⬇➡⬅➕➖✖➗↔]/g, (sign) => PICTURED[sign] ?? sign)
    .replace(/([①-⑳])(?=[①-⑳])/g, '$1、')
    .replace(/㎡/g, 'm^2')
    .replace(/㎥/g, 'm^3')
    .replace(
      /(\d?)([½¼¾⅐-⅞])/g,
      (_, whole: string, char: string) =>
        `${whole}${whole && ' '}${char.normalize('NFKC').replace('⁄', '/')}`,
    )
    .replace(/[\u2010-\u2012\u2212]/g, '-')
    .replace(/[\u2215\u2044]/g, '/')
    .replace(/\u2236/g, ':')
    .replace(/\u2015/g, '—')
    .replace(/[\u00a0\u3000\u2028\u2029]/g, ' ')
    .replace(
      /[\u2080-\u2089\u2160-\u217f\u2460-\u24ff\u32c0-\u33ff\ufe50-\ufe6b\uff04-\uff5e]/g,
      narrow,
    )
    .replace(/[\u2776-\u277f]/g, (char) => String(char.charCodeAt(0) - 0x2775))
    .replace(/(?![0-9])\p{Nd}/gu, asciiDigit)
    .replace(/\p{Extended_Pictographic}|\p{Cc}|\p{Cf}|\p{Cs}|\p{Cn}|[\ufe00-\ufe0f]/gu, (char) =>
      char === '\n' || char === '\t' ? char : char === '\r' ? '\n' : '',
    )
}

const plainRun = (run: string) => Array.from(run, (char) => SUPERSCRIPT[char] ?? '').join('')

function narrow(char: string): string {
  if (FULL_WIDTH_KEPT.has(char)) return char
  const plain = char.normalize('NFKC')
  return plain.length <= MAX_DECOMPOSED_CHARS ? plain : char
}

/** Decimal digits of a script stand in a run of ten that starts at a code point ending in 0 or 6 (Unicode, ch. 22.3). */
function asciiDigit(char: string): string {
  const plain = char.normalize('NFKC')
  if (/^[0-9]$/.test(plain)) return plain
  const code = char.codePointAt(0) ?? 0
  const nibble = code & 0xf
  const startsAtZero = /\p{Nd}/u.test(String.fromCodePoint(code & ~0xf))
  const value = startsAtZero ? nibble : nibble - 6
  return value >= 0 && value <= 9 ? String(value) : ''
}

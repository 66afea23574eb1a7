/** Roman numerals that grade something: Ⅱ度, III级, stage IIIb. Elsewhere they are letters. */
import { oneOf } from './scan.ts'
import type { RomanWords } from './voice-data.ts'

const VALUES: Readonly<Record<string, number>> = {
  I: 1,
  II: 2,
  III: 3,
  IV: 4,
  V: 5,
  VI: 6,
  VII: 7,
  VIII: 8,
  IX: 9,
  X: 10,
  XI: 11,
  XII: 12,
}
const ONE = '(?:XI{0,2}|IX|IV|VI{0,3}|I{1,3})'
const RUN = `${ONE}[a-cA-C]?(?:\\s?[-–~～、,/]\\s?${ONE}[a-cA-C]?)*`

/** II、III、aVF导联 */
const LEADS = '(?:[、,，]\\s?(?:aV[RLF]|V\\d))*'

/** Builds the reader: numerals before or behind the words of the data become digits, for the rules to read. */
export function createRomanReader(words: RomanWords): (text: string) => string {
  const behind =
    words.after.length > 0
      ? new RegExp(`(?<![A-Za-z\\d])${RUN}(?=${LEADS}\\s?(?:${oneOf(words.after)}))`, 'g')
      : undefined
  const before = new RegExp(
    `(?<=(?<![A-Za-z])(?:${oneOf(words.before)})[\\s:：])${RUN}(?![A-Za-z\\d])`,
    'g',
  )
  const one = new RegExp(`(${ONE})(?![XIV])`, 'g')
  const figures = (run: string) =>
    run.replace(one, (numeral) => String(VALUES[numeral] ?? numeral)).replace(/\//g, words.or)
  /** V and X alone are shapes too (V型), and I is somebody ("the type I like"). */
  const isLetter = (run: string, text: string, at: number) =>
    (/^[VX]$/.test(run) && words.letterBefore.some((word) => text.startsWith(word, at + 1))) ||
    (run === 'I' && words.letterAfter.some((word) => text.slice(0, at).trimEnd().endsWith(word)))

  return (text) => {
    if (!/[IVX]/.test(text)) return text
    const graded = text.replace(before, (run, at: number) =>
      isLetter(run, text, at) ? run : figures(run),
    )
    return behind === undefined
      ? graded
      : graded.replace(behind, (run, at: number) =>
          isLetter(run, graded, at) ? run : figures(run),
        )
  }
}

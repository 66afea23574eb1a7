/** Chinese text → what a Chinese speaker says. Pure; built once from the voice data. */
import { cleanText } from './clean-text.ts'
import { createTextCompleter } from './complete-text.ts'
import { createMinusReader } from './minus.ts'
import { type RuleBook, scanText } from './scan.ts'
import { type Piece, SpokenWriter } from './spoken.ts'
import { createUnitReader } from './unit-reader.ts'
import type { VoiceData } from './voice-data.ts'
import { createZhContext } from './zh-context.ts'
import { createZhDash } from './zh-dash.ts'
import { createZhDigits } from './zh-digits.ts'
import { createZhLetters, currencyBefore } from './zh-letters.ts'
import { createZhQuantities } from './zh-quantity.ts'
import { createZhSymbols } from './zh-symbols.ts'

export interface SpokenText {
  readonly pieces: readonly Piece[]
  /** Telephone numbers, each in spoken groups. */
  readonly phones: readonly (readonly string[])[]
}
export type Speaker = (text: string) => SpokenText

/** Everything that is said as it stands: hanzi, kana, Chinese commas and quotes, spaces. */
const PLAIN = /(?:[^\x21-\x7e。！？；…\n₀-₉°º℃℉‰≥≤≈≠±×÷→←↑↓•·–—～／＃＊＜＞＄￥¥€£№®™©√★☆●■◆µμ⁄])+/y

export function createZhSpeaker(data: VoiceData): Speaker {
  const units = createUnitReader(data.units.units)
  const context = createZhContext(data.zh)
  const quantities = createZhQuantities(units, context)
  const [date, ...digits] = createZhDigits(data, units, context, quantities)
  const isMinus = createMinusReader(units, data.zh.signed, data.zh.flags.analytes)
  const letters = createZhLetters(data, units, quantities, isMinus)
  const dash = createZhDash(data.zh, quantities, isMinus, currencyBefore(data))
  const complete = createTextCompleter({
    units,
    counted: data.zh.half.units,
    words: data.zh,
  })
  const book: RuleBook = {
    digit: [...(date ? [date] : []), ...letters.beforeDigits, ...digits],
    letter: letters.letter,
    symbol: createZhSymbols(data.zh, units, quantities, { money: letters.money, dash }),
    plain: PLAIN,
  }
  return (text) => {
    const out = new SpokenWriter()
    scanText(book, complete(cleanText(text)), out)
    return { pieces: out.finish(), phones: out.phones }
  }
}

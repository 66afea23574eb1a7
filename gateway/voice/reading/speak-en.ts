/** English text → what an English speaker says. Pure; built once from the voice data. */
import { cleanText } from './clean-text.ts'
import { createTextCompleter } from './complete-text.ts'
import { createEnDigits } from './en-digits.ts'
import { createEnLetters } from './en-letters.ts'
import { createEnSymbols } from './en-symbols.ts'
import { createMinusReader } from './minus.ts'
import { type RuleBook, scanText } from './scan.ts'
import type { Speaker } from './speak-zh.ts'
import { SpokenWriter } from './spoken.ts'
import { createUnitReader } from './unit-reader.ts'
import type { VoiceData } from './voice-data.ts'

const PLAIN = /(?:[^\x21-\x7e。！？；…°º℃℉‰≥≤≈≠±×÷→←↑↓•·–—～¥￥€£№®™©µμ\u3400-\u9fff]|[,'](?!\d))+/y

export function createEnSpeaker(data: VoiceData): Speaker {
  const { en } = data
  const units = createUnitReader(data.units.units)
  const isMinus = createMinusReader(units, en.signed, en.flags.analytes)
  const digits = createEnDigits(data, units)
  const letters = createEnLetters(data, units, digits, isMinus)
  const complete = createTextCompleter({ units, counted: [], words: en })
  const book: RuleBook = {
    digit: [letters.address, ...digits.rules],
    letter: letters.letter,
    symbol: createEnSymbols(en, units, isMinus, letters.money),
    plain: PLAIN,
  }
  return (text) => {
    const out = new SpokenWriter()
    scanText(book, complete(cleanText(text)), out)
    return { pieces: out.finish(), phones: out.phones }
  }
}

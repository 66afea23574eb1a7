/** English words before a figure that make it a telephone number. */
import { oneOf } from './scan.ts'

/** Between a word and its number: "the number is 801", "room no. 801". */
export const LINK_TO_NUMBER = '(?:\\s+(?:is|number|no\\.?))?[\\s:#"]*$'
/** How far back in its sentence a word such as "call" may stand before "or 120". */
const LOOK_BACK_CHARS = 60

export interface PhoneWordsEn {
  /** "call", "call us on", "the number is"; `ahead` is what stands before the figure. */
  isBehind(ahead: string): boolean
  /** The same, or "at" and "on" alone: they stand before an address, a price or a date too. */
  isLocalBehind(ahead: string): boolean
  /** "call the desk or"; a figure between may be a pulse of which this is another. */
  isBehindOr(text: string, at: number): boolean
}

export function createPhoneWordsEn(words: {
  readonly phoneBefore: readonly string[]
  readonly phoneVia: readonly string[]
}): PhoneWordsEn {
  const called = `(?:^|[^A-Za-z])(?:${oneOf(words.phoneBefore)})`
  const via = `(?:${oneOf(words.phoneVia)})`
  const direct = new RegExp(`${called}(?:[A-Za-z' ]* ${via})?${LINK_TO_NUMBER}`, 'i')
  const local = new RegExp(`(?:^|[^A-Za-z])${via}\\s+$`, 'i')
  const another = new RegExp(`${called}\\s[^.!?;\\d]*\\bor\\s+$`, 'i')
  return {
    isBehind: (ahead) => direct.test(ahead),
    isLocalBehind: (ahead) => direct.test(ahead) || local.test(ahead),
    isBehindOr: (text, at) => another.test(text.slice(Math.max(0, at - LOOK_BACK_CHARS), at)),
  }
}

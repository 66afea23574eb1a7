/** The star of a telephone's keys, which elsewhere is a mark without a sound: "press *", 按*键. */
import { oneOf } from './scan.ts'
import type { KeyWords } from './voice-data.ts'

/** Builds the reader: stars that are keys become words. */
export function createKeyReader(words: KeyWords): (text: string) => string {
  /** 按*号键 has the end of its word already. */
  const end = words.star.slice(-1)
  const before = `(?<=(?:${oneOf(words.before)})\\s?["“「]?)[*＊]${end}?`
  const after = `[*＊](?=["”」]?\\s?(?:${oneOf(words.after)}))`
  const star = new RegExp(`(?<![*＊])(?:${before}|${after})(?![*＊])`, 'g')
  return (text) => (/[*＊]/.test(text) ? text.replace(star, words.star) : text)
}

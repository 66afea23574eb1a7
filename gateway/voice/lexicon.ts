/** Finds words with more than one reading, so that an engine can be told which is meant. */
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'

/** Limit of the contract for `lexicon`. */
const MAX_ENTRIES = 50

export interface Reading {
  readonly text: string
  readonly pinyin: string
}
/** The word of the lexicon that begins at this place, the longest if several do. */
export type ReadingAt = (text: string, at: number) => Reading | undefined

export function createLexicon(words: readonly (readonly [string, string])[]): ReadingAt {
  const byFirst = new Map<number, Reading[]>()
  for (const [text, pinyin] of words) {
    const first = text.charCodeAt(0)
    const list = byFirst.get(first) ?? []
    list.push({ text, pinyin })
    byFirst.set(first, list)
  }
  for (const list of byFirst.values()) list.sort((a, b) => b.text.length - a.text.length)
  return (text, at) =>
    byFirst.get(text.charCodeAt(at))?.find((each) => text.startsWith(each.text, at))
}

/** The readings that a text needs, left to right; each word is listed once. */
export function findReadings(readingAt: ReadingAt, text: string): Speech['lexicon'] {
  let found: Reading[] | undefined
  for (let at = 0; at < text.length; at++) {
    const word = readingAt(text, at)
    if (word === undefined) continue
    at += word.text.length - 1
    if (found === undefined) found = [word]
    else if (!found.includes(word) && found.length < MAX_ENTRIES) found.push(word)
  }
  return found
}

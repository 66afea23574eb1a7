/** Finds words with more than one reading, so that an engine can be told which is meant. */
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'

/** Limit of the contract for `lexicon`. */
const MAX_ENTRIES = 50

export type FindReadings = (text: string) => Speech['lexicon']

/** Longest word first at each place, left to right; each word is listed once. */
export function createLexicon(words: readonly (readonly [string, string])[]): FindReadings {
  const byFirst = new Map<number, { text: string; pinyin: string }[]>()
  for (const [text, pinyin] of words) {
    const first = text.charCodeAt(0)
    const list = byFirst.get(first) ?? []
    list.push({ text, pinyin })
    byFirst.set(first, list)
  }
  for (const list of byFirst.values()) list.sort((a, b) => b.text.length - a.text.length)

  return (text) => {
    let found: { text: string; pinyin: string }[] | undefined
    for (let at = 0; at < text.length; at++) {
      const word = byFirst.get(text.charCodeAt(at))?.find((each) => text.startsWith(each.text, at))
      if (word === undefined) continue
      at += word.text.length - 1
      if (found === undefined) found = [word]
      else if (!found.includes(word) && found.length < MAX_ENTRIES) found.push(word)
    }
    return found
  }
}

/** Finds the words of a fixed list in a text, the longest first, without overlap. */
import { columnOf, createVocabulary } from './vocabulary.ts'

export type WordFinder<T> = (
  text: string,
  visit: (at: number, length: number, value: T) => void,
) => void

export interface FinderOptions {
  /** Words of Latin letters are not found inside longer ones. */
  readonly wholeLatin?: boolean
}

const UNITS = 0x10000
const LATIN = /^[a-z' ]+$/

/**
 * The words as a tree of characters. A branch is one number (where it grows from, then the character) and
 * leads to the node one above its place, so a text costs little however long the list is; most characters
 * begin no word, which one bit tells.
 */
export function createWordFinder<T>(
  words: Iterable<readonly [string, T]>,
  { wholeLatin = false }: FinderOptions = {},
): WordFinder<T> {
  const grown = new Map<number, number>()
  const values: ({ readonly value: T; readonly isWhole: boolean } | undefined)[] = [undefined]
  const firsts = new Uint8Array(UNITS / 8)
  for (const [word, value] of words) {
    const first = word.charCodeAt(0)
    firsts[first >> 3] = (firsts[first >> 3] as number) | (1 << (first & 7))
    let node = 0
    for (let i = 0; i < word.length; i++) {
      const branch = branchOf(node, word.charCodeAt(i))
      node = grown.get(branch) ?? values.push(undefined) - 1
      grown.set(branch, node)
    }
    // Of words written twice the first counts.
    values[node] ??= { value, isWhole: wholeLatin && LATIN.test(word) }
  }
  if (values.length > UNITS) throw new RangeError('Too many words for one finder')
  const branches = createVocabulary(Uint32Array.from(grown.keys()), new Float32Array(0))
  return (text, visit) => {
    let at = 0
    while (at < text.length) {
      const first = text.charCodeAt(at)
      let length = 1
      if (((firsts[first >> 3] as number) >> (first & 7)) & 1) {
        let found: (typeof values)[number]
        let node = 0
        for (let end = at; end < text.length; ) {
          node = columnOf(branches, branchOf(node, text.charCodeAt(end++))) + 1
          if (node === 0) break
          const word = values[node]
          if (!word || (word.isWhole && !isWholeAt(text, at, end))) continue
          found = word
          length = end - at
        }
        if (found) visit(at, length, found.value)
      }
      at += length
    }
  }
}

const branchOf = (node: number, unit: number): number => (node * UNITS + unit) >>> 0

const isWholeAt = (text: string, from: number, to: number): boolean =>
  !isWordUnit(text.charCodeAt(from - 1)) && !isWordUnit(text.charCodeAt(to))

/** As \w of a regular expression; NaN, beyond the text, is none. */
const isWordUnit = (unit: number): boolean =>
  (unit >= 0x61 && unit <= 0x7a) ||
  (unit >= 0x30 && unit <= 0x39) ||
  (unit >= 0x41 && unit <= 0x5a) ||
  unit === 0x5f

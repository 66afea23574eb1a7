/** Takes fixed words off both ends of a text, again and again, the longest that stands there first. */

/** Words of one end; made by {@link createEdge}. */
export interface Edge {
  readonly words: ReadonlySet<string>
  readonly longest: number
}

export const createEdge = (words: readonly string[]): Edge => ({
  words: new Set(words),
  longest: Math.max(0, ...words.map((word) => word.length)),
})

/**
 * What is left of `text` between its openings and its endings; empty when there is nothing else. `wholeWords`:
 * each must stand apart, as in English. One word at a time and never back: a repeated group of a regular
 * expression would try every way that 谢谢啊 is one word or two, which doubles with each of them.
 */
export function stripEdges(
  text: string,
  openings: Edge,
  endings: Edge,
  wholeWords: boolean,
): string {
  let from = 0
  for (let end = openingEnd(text, 0, openings, wholeWords); end > from; ) {
    from = end
    end = openingEnd(text, from, openings, wholeWords)
  }
  let rest = text.slice(from)
  for (let end = endingStart(rest, endings, wholeWords); end < rest.length; ) {
    rest = rest.slice(0, end)
    end = endingStart(rest, endings, wholeWords)
  }
  return rest
}

/** Where the opening at `from` and the space behind it end; `from` when there is none. */
function openingEnd(
  text: string,
  from: number,
  { words, longest }: Edge,
  wholeWords: boolean,
): number {
  for (let end = Math.min(from + longest, text.length); end > from; end--) {
    if (!words.has(text.slice(from, end))) continue
    if (text[end] === ' ') return end + 1
    if (!wholeWords || end === text.length) return end
  }
  return from
}

/** Where the last ending of `text` and the space before it start; its length when there is none. */
function endingStart(text: string, { words, longest }: Edge, wholeWords: boolean): number {
  for (let start = Math.max(0, text.length - longest); start < text.length; start++) {
    if (!words.has(text.slice(start))) continue
    if (text[start - 1] === ' ') return start - 1
    if (!wholeWords || start === 0) return start
  }
  return text.length
}

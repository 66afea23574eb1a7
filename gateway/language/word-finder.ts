/** Finds the words of a fixed list in a text, the longest first, without overlap. */

export type WordFinder<T> = (
  text: string,
  visit: (at: number, length: number, value: T) => void,
) => void

const NONE: readonly never[] = []

/** Words by first character, so that a text costs little however long the list is. */
export function createWordFinder<T>(words: Iterable<readonly [string, T]>): WordFinder<T> {
  const byFirst = new Map<number, [string, T][]>()
  for (const [word, value] of words) {
    const first = word.charCodeAt(0)
    const known = byFirst.get(first)
    if (known) known.push([word, value])
    else byFirst.set(first, [[word, value]])
  }
  for (const known of byFirst.values()) known.sort(([a], [b]) => b.length - a.length)
  return (text, visit) => {
    let at = 0
    while (at < text.length) {
      let length = 1
      for (const [word, value] of byFirst.get(text.charCodeAt(at)) ?? NONE) {
        if (!text.startsWith(word, at)) continue
        visit(at, word.length, value)
        length = word.length
        break
      }
      at += length
    }
  }
}

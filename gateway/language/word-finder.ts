/** Finds the words of a fixed list in a text, the longest first, without overlap. */

export type WordFinder<T> = (
  text: string,
  visit: (at: number, length: number, value: T) => void,
) => void

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
      const found = byFirst.get(text.charCodeAt(at))?.find(([word]) => text.startsWith(word, at))
      if (found) visit(at, found[0].length, found[1])
      at += found ? found[0].length : 1
    }
  }
}

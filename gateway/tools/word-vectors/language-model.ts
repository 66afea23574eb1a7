/** What an n-gram model of either format says: how likely words are, alone, after one word, after two. */

/** Word ids, side by side, each pair at most once. */
export interface Pairs {
  readonly first: Int32Array
  readonly second: Int32Array
  /** Probability of the two at their places. */
  readonly weight: Float64Array
}

export interface LanguageModel {
  /** By id; an empty text where an id stands for no word. */
  readonly words: readonly string[]
  /** Probability of each word, by id. */
  readonly chances: Float64Array
  readonly bigrams: {
    readonly first: Int32Array
    readonly second: Int32Array
    /** Probability of the second after the first. */
    readonly chance: Float64Array
  }
  readonly trigrams: {
    readonly first: Int32Array
    readonly second: Int32Array
    readonly third: Int32Array
    /** Probability of the third after the first two. */
    readonly chance: Float64Array
  }
}

/** Words side by side. */
export function neighbours({ bigrams, chances }: LanguageModel): Pairs {
  const { first, second, chance } = bigrams
  const weight = chance.map((value, i) => value * (chances[first[i] as number] as number))
  return { first, second, weight }
}

/** Words with one word between, whichever; a trigram whose first two the model does not know is left out. */
export function twoApart({ words, trigrams }: LanguageModel, sideBySide: Pairs): Pairs {
  const keyOf = (a: number, b: number) => a * words.length + b
  const known = new Map<number, number>()
  for (let i = 0; i < sideBySide.weight.length; i++) {
    const key = keyOf(sideBySide.first[i] as number, sideBySide.second[i] as number)
    known.set(key, sideBySide.weight[i] as number)
  }
  const sums = new Map<number, number>()
  for (let i = 0; i < trigrams.chance.length; i++) {
    const before = trigrams.first[i] as number
    const weight = known.get(keyOf(before, trigrams.second[i] as number))
    if (weight === undefined) continue
    const key = keyOf(before, trigrams.third[i] as number)
    sums.set(key, (sums.get(key) ?? 0) + weight * (trigrams.chance[i] as number))
  }
  return {
    first: Int32Array.from(sums.keys(), (key) => Math.floor(key / words.length)),
    second: Int32Array.from(sums.keys(), (key) => key % words.length),
    weight: Float64Array.from(sums.values()),
  }
}

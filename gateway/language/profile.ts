/** A question as the rerank compares it: units, syllables, meanings, numbers, what it asks and denies. */
import { LIGHT_WORDS } from './data/light-words.ts'
import { findConcepts, isNegated, oppositeSides, questionTypes } from './question-words.ts'
import { type Token, tokenise } from './tokens.ts'
import { createWordFinder } from './word-finder.ts'

/** Longer questions are compared by their beginning; comparing is quadratic in length. */
export const MAX_UNITS = 64

export interface Profile {
  readonly units: Uint32Array
  readonly syllables: Uint16Array
  /** Number of the group of synonyms that each unit's word belongs to, 0 for none. */
  readonly concepts: Uint16Array
  /** Rarity of each unit, 0–1. */
  readonly weights: Float32Array
  /** The same, but next to nothing for words that a question can lose. */
  readonly content: Float32Array
  /** Hashes of neighbouring units of everything that was said, sorted. */
  readonly pairs: Uint32Array
  readonly numbers: readonly number[]
  readonly types: number
  readonly negated: boolean
  readonly sides: number
}

/** Words that shape a sentence but not its matter weigh this part of their rarity. */
const FUNCTION_WEIGHT = 0.7
const FUNCTION_WORDS = new Set([
  ...'的了吗呢啊呀吧嘛么着过地得个一下我你他她它们这那有是在就都也还会能要可以去到请问求给让把被和与跟',
  ...'a an the of to in on at is are am be do does did i you he she it we they my your me for and or can'.split(
    ' ',
  ),
])
/** Words that a question can lose weigh this part of their rarity as content. */
const LIGHT_WEIGHT = 0.12
const findLightWords = createWordFinder(LIGHT_WORDS.map((word) => [word, 1] as const))

const RARITY_POWER = 0.8

/** Rarity of units in a set of questions, 0 (everywhere) to 1 (never seen), by hash. */
export type Rarity = ReadonlyMap<number, number>

const NEVER_SEEN = 1

export function measureRarity(texts: Iterable<{ readonly tokens: readonly Token[] }>): Rarity {
  const counts = new Map<number, number>()
  let documents = 0
  for (const { tokens } of texts) {
    documents++
    for (const hash of new Set(tokens.map((token) => token.hash))) {
      counts.set(hash, (counts.get(hash) ?? 0) + 1)
    }
  }
  // Looked up for every unit of every question that is compared: two logarithms less each.
  const ofAll = Math.log(2 + documents)
  for (const [hash, count] of counts) {
    counts.set(hash, (NEVER_SEEN - Math.log(1 + count) / ofAll) ** RARITY_POWER)
  }
  return counts
}

/** `text` is the normal form that `tokens` were cut from; `said` the same with its fillers. */
export function profile(
  text: string,
  said: string,
  tokens: readonly Token[],
  rarity: Rarity,
): Profile {
  const size = Math.min(tokens.length, MAX_UNITS)
  const units = new Uint32Array(size)
  const syllables = new Uint16Array(size)
  const concepts = new Uint16Array(size)
  const weights = new Float32Array(size)
  const content = new Float32Array(size)
  const isLight = markWords(text, findLightWords)
  const conceptAt = markWords(text, findConcepts)
  // One loop instead of a Float32Array.from each: a stored question is profiled when it is first compared.
  for (let i = 0; i < size; i++) {
    const { hash, syllable, at, text: unit } = tokens[i] as Token
    const rare = Math.fround(rarity.get(hash) ?? NEVER_SEEN)
    units[i] = hash
    syllables[i] = syllable
    concepts[i] = conceptAt[at] as number
    weights[i] = FUNCTION_WORDS.has(unit) ? rare * FUNCTION_WEIGHT : rare
    content[i] = isLight[at] === 0 ? rare : rare * LIGHT_WEIGHT
  }
  return {
    units,
    syllables,
    concepts,
    weights,
    content,
    pairs: pairsOf(said === text ? tokens : tokenise(said)),
    numbers: tokens.filter((token) => token.kind === 'number').map((token) => numberHash(token)),
    types: questionTypes(text),
    negated: isNegated(text),
    sides: oppositeSides(text),
  }
}

/** For each place of `text` the value of the word that covers it, 0 for none. */
function markWords(text: string, find: ReturnType<typeof createWordFinder<number>>): Uint16Array {
  const marks = new Uint16Array(text.length)
  find(text, (at, length, value) => marks.fill(value, at, at + length))
  return marks
}

/** Hashes of neighbours, the two ends among them, sorted. */
function pairsOf(tokens: readonly Token[]): Uint32Array {
  const pairs = new Uint32Array(tokens.length + 1)
  let before = 1
  tokens.forEach(({ hash }, i) => {
    pairs[i] = Math.imul(before, 0x9e3779b1) ^ hash
    before = hash
  })
  pairs[tokens.length] = Math.imul(before, 0x9e3779b1) ^ 2
  return pairs.sort()
}

function numberHash(token: Token): number {
  let hash = 7
  for (let i = 0; i < token.text.length; i++) hash = Math.imul(hash, 31) + token.text.charCodeAt(i)
  return hash
}

/** A question as the rerank compares it: units, syllables, meanings, numbers, what it asks and denies. */
import { LIGHT_WORDS } from './data/light-words.ts'
import { findConcepts, isNegated, oppositeSides, questionTypes } from './question-words.ts'
import { commonest, countHash, createTextCounts } from './text-counts.ts'
import { nextUnit, startUnits, type Unit } from './tokens.ts'
import { columnOf, createVocabulary, type Vocabulary } from './vocabulary.ts'
import { createWordFinder } from './word-finder.ts'

/** Longer questions are compared by their beginning; comparing is quadratic in length. */
export const MAX_UNITS = 64

/** Filled again and again, so that comparing a question allocates nothing. */
export interface Profile {
  /** Units that the arrays by unit hold. */
  length: number
  readonly units: Uint32Array
  readonly syllables: Uint16Array
  /** Number of the group of synonyms that each unit's word belongs to, 0 for none. */
  readonly concepts: Uint16Array
  /** Rarity of each unit, 0–1. */
  readonly weights: Float32Array
  /** The same, but next to nothing for words that a question can lose. */
  readonly content: Float32Array
  /** Hashes of neighbouring units of everything that was said, sorted, from `pairsFrom` to before `pairsTo`. */
  pairs: Uint32Array
  pairsFrom: number
  pairsTo: number
  numbers: readonly number[]
  types: number
  negated: boolean
  sides: number
}

export const NO_NUMBERS: readonly number[] = []

export const createProfile = (): Profile => ({
  length: 0,
  units: new Uint32Array(MAX_UNITS),
  syllables: new Uint16Array(MAX_UNITS),
  concepts: new Uint16Array(MAX_UNITS),
  weights: new Float32Array(MAX_UNITS),
  content: new Float32Array(MAX_UNITS),
  pairs: new Uint32Array(MAX_UNITS),
  pairsFrom: 0,
  pairsTo: 0,
  numbers: NO_NUMBERS,
  types: 0,
  negated: false,
  sides: 0,
})

/** Words that shape a sentence but not its matter weigh this part of their rarity. */
const FUNCTION_WEIGHT = 0.7
const FUNCTION_CHARACTERS = new Set(
  Array.from(
    '的了吗呢啊呀吧嘛么着过地得个一下我你他她它们这那有是在就都也还会能要可以去到请问求给让把被和与跟',
    (character) => character.charCodeAt(0),
  ),
)
const FUNCTION_WORDS = new Set(
  'a an the of to in on at is are am be do does did i you he she it we they my your me for and or can'.split(
    ' ',
  ),
)
/** Words that a question can lose weigh this part of their rarity as content. */
const LIGHT_WEIGHT = 0.12
const findLightWords = createWordFinder(LIGHT_WORDS.map((word) => [word, 1] as const))

const RARITY_POWER = 0.8

/** Rarity of units in a set of questions, 0 (everywhere) to 1 (never seen), by hash (as `idf`). */
export type Rarity = Vocabulary

const NEVER_SEEN = 1

export function measureRarity(texts: readonly string[]): Rarity {
  const counts = createTextCounts()
  texts.forEach((text, row) => {
    const unit = startUnits()
    while (nextUnit(text, unit)) countHash(counts, unit.hash, row)
  })
  const all = commonest(counts, 1)
  // Looked up for every unit of every question that is compared: two logarithms less each.
  const ofAll = Math.log(2 + texts.length)
  return createVocabulary(
    all.hashes,
    Float32Array.from(
      all.texts,
      (count) => (NEVER_SEEN - Math.log(1 + count) / ofAll) ** RARITY_POWER,
    ),
  )
}

/** Scratch: for each place of the text at hand whether a light word covers it, and which concept. */
let lightAt = new Uint8Array(256)
let conceptAt = new Uint16Array(256)

const markLight = (at: number, length: number, value: number): void => {
  for (let i = at; i < at + length; i++) lightAt[i] = value
}
const markConcept = (at: number, length: number, value: number): void => {
  for (let i = at; i < at + length; i++) conceptAt[i] = value
}

function markWords(text: string): void {
  if (text.length > lightAt.length) {
    lightAt = new Uint8Array(text.length * 2)
    conceptAt = new Uint16Array(text.length * 2)
  } else {
    lightAt.fill(0, 0, text.length)
    conceptAt.fill(0, 0, text.length)
  }
  findLightWords(text, markLight)
  findConcepts(text, markConcept)
}

/** Fills `out` from a normal form and `said`, the same with its fillers. */
export function fillProfile(out: Profile, text: string, said: string, rarity: Rarity): void {
  markWords(text)
  out.length = 0
  out.numbers = NO_NUMBERS
  const unit = startUnits()
  while (nextUnit(text, unit)) {
    if (out.length < MAX_UNITS) addUnit(out, text, unit, rarity)
    if (unit.kind === 'number') out.numbers = [...out.numbers, numberHash(text, unit)]
  }
  fillPairs(out, said)
  out.types = questionTypes(text)
  out.negated = isNegated(text)
  out.sides = oppositeSides(text)
}

function addUnit(out: Profile, text: string, unit: Unit, rarity: Rarity): void {
  const i = out.length++
  const known = columnOf(rarity, unit.hash)
  const rare = known < 0 ? NEVER_SEEN : (rarity.idf[known] as number)
  out.units[i] = unit.hash
  out.syllables[i] = unit.syllable
  out.concepts[i] = conceptAt[unit.at] as number
  out.weights[i] = isFunctionWord(text, unit) ? rare * FUNCTION_WEIGHT : rare
  out.content[i] = lightAt[unit.at] === 0 ? rare : rare * LIGHT_WEIGHT
}

function isFunctionWord(text: string, { kind, at, end }: Unit): boolean {
  if (kind === 'han') return FUNCTION_CHARACTERS.has(text.charCodeAt(at))
  return kind === 'word' && FUNCTION_WORDS.has(text.slice(at, end))
}

const pairOf = (before: number, hash: number): number => Math.imul(before, 0x9e3779b1) ^ hash

/** Hashes of neighbours, the two ends among them. */
function fillPairs(out: Profile, said: string): void {
  if (out.pairs.length <= said.length) out.pairs = new Uint32Array(said.length * 2)
  let to = 0
  let before = 1
  const unit = startUnits()
  while (nextUnit(said, unit)) {
    out.pairs[to++] = pairOf(before, unit.hash)
    before = unit.hash
  }
  out.pairs[to++] = pairOf(before, 2)
  out.pairs.subarray(0, to).sort()
  out.pairsFrom = 0
  out.pairsTo = to
}

function numberHash(text: string, { at, end }: Unit): number {
  let hash = 7
  for (let i = at; i < end; i++) hash = Math.imul(hash, 31) + text.charCodeAt(i)
  return hash
}

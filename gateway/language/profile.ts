/** A question as the rerank compares it: units, syllables, numbers, what it asks and denies. */
import { isNegated, oppositeSides, questionTypes } from './question-words.ts'
import type { Token } from './tokens.ts'

/** Longer questions are compared by their beginning; comparing is quadratic in length. */
export const MAX_UNITS = 64

export interface Profile {
  readonly units: Uint32Array
  readonly syllables: Uint16Array
  /** Rarity of each unit, 0–1. */
  readonly weights: Float32Array
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

const RARITY_POWER = 0.8

/** Rarity of units in a set of questions, 0 (everywhere) to 1 (never seen). */
export interface Rarity {
  readonly documents: number
  readonly counts: ReadonlyMap<number, number>
}

export function measureRarity(texts: Iterable<{ readonly tokens: readonly Token[] }>): Rarity {
  const counts = new Map<number, number>()
  let documents = 0
  for (const { tokens } of texts) {
    documents++
    for (const hash of new Set(tokens.map((token) => token.hash))) {
      counts.set(hash, (counts.get(hash) ?? 0) + 1)
    }
  }
  return { documents, counts }
}

export function rarityOf(rarity: Rarity, hash: number): number {
  const count = rarity.counts.get(hash) ?? 0
  return (1 - Math.log(1 + count) / Math.log(2 + rarity.documents)) ** RARITY_POWER
}

export function profile(text: string, tokens: readonly Token[], rarity: Rarity): Profile {
  const units = tokens.length > MAX_UNITS ? tokens.slice(0, MAX_UNITS) : tokens
  return {
    units: Uint32Array.from(units, (token) => token.hash),
    syllables: Uint16Array.from(units, (token) => token.syllable),
    weights: Float32Array.from(units, (token) => {
      const weight = rarityOf(rarity, token.hash)
      return FUNCTION_WORDS.has(token.text) ? weight * FUNCTION_WEIGHT : weight
    }),
    numbers: tokens.filter((token) => token.kind === 'number').map((token) => numberHash(token)),
    types: questionTypes(text),
    negated: isNegated(text),
    sides: oppositeSides(text),
  }
}

function numberHash(token: Token): number {
  let hash = 7
  for (let i = 0; i < token.text.length; i++) hash = Math.imul(hash, 31) + token.text.charCodeAt(i)
  return hash
}

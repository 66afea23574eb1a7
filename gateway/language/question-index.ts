/** Stored questions, found by n-grams and compared one by one. */
import { buildMatrix, buildVocabulary, type PreparedText } from './dataset.ts'
import {
  createFeatureBuffer,
  extractFeatures,
  type FeatureBuffer,
  type FeatureOptions,
} from './features.ts'
import { buildInvertedIndex, type InvertedIndex, searchIndex } from './inverted-index.ts'
import { type Logistic, logOdds } from './logistic.ts'
import { measureRarity, type Profile, profile, type Rarity } from './profile.ts'
import type { QueryText } from './question-model.ts'
import { compare, SIMILARITY_WIDTH } from './similarity.ts'
import { tokenise } from './tokens.ts'
import { createSparseVector, createVectoriser, type Vectoriser, vectorise } from './vectorise.ts'

/** Terms of the search: short n-grams find, the comparison judges. */
const SEARCH_FEATURES: FeatureOptions = {
  characters: 2,
  syllables: 2,
  words: 1,
  lettersFrom: 4,
  lettersTo: 4,
  skips: false,
  head: 0,
  edges: false,
  meaning: false,
}
/** Characters, syllables, words, letters, concepts, beginning. */
const SEARCH_WEIGHTS = [1, 0.6, 1, 0.5, 0.3, 0]
const MAX_TERMS = 1_000_000
/** Candidates compared in full: more cost time and, on held-out questions, changed nothing. */
export const CANDIDATES = 24
/** Profiles of stored questions kept ready; beyond it they are made when needed. */
const PROFILE_CACHE = 6000

export interface QuestionIndex {
  /** Normal form and full wording of each stored question. */
  readonly texts: readonly string[]
  readonly said: readonly string[]
  readonly inverted: InvertedIndex
  readonly vectoriser: Vectoriser
  readonly rarity: Rarity
  readonly profiles: Map<number, Profile>
  readonly buffer: FeatureBuffer
}

export interface Match {
  readonly document: number
  readonly logOdds: number
  readonly figures: Float32Array
}

export function buildQuestionIndex(texts: readonly QueryText[]): QuestionIndex {
  const searched: readonly PreparedText[] = texts.map((text) => text.forSearch)
  const vocabulary = buildVocabulary(searched, SEARCH_FEATURES, 1, MAX_TERMS)
  const vectoriser = createVectoriser(vocabulary, SEARCH_WEIGHTS)
  return {
    texts: texts.map(({ text }) => text),
    said: texts.map(({ said }) => said),
    inverted: buildInvertedIndex(buildMatrix(searched, SEARCH_FEATURES, vectoriser)),
    vectoriser,
    rarity: measureRarity(searched),
    profiles: new Map(),
    buffer: createFeatureBuffer(),
  }
}

/** Cosine of the stored question nearest to `query` by n-grams alone; 0 when none shares any. */
export function nearestCosine(index: QuestionIndex, query: QueryText): number {
  const vector = createSparseVector()
  const { tokens, lang, entities } = query.forSearch
  extractFeatures(tokens, lang, entities, SEARCH_FEATURES, index.buffer)
  vectorise(index.vectoriser, index.buffer, vector)
  return searchIndex(index.inverted, vector, 1)[0]?.score ?? 0
}

/** Stored questions most like `query`, best first; `skip` leaves one out. */
export function findMatches(
  index: QuestionIndex,
  query: QueryText,
  rerank: Logistic,
  skip = -1,
): Match[] {
  const vector = createSparseVector()
  const { tokens, lang, entities } = query.forSearch
  extractFeatures(tokens, lang, entities, SEARCH_FEATURES, index.buffer)
  vectorise(index.vectoriser, index.buffer, vector)
  const hits = searchIndex(index.inverted, vector, CANDIDATES, skip)
  const asked = profile(query.text, query.said, tokens, index.rarity)
  const matches = hits.map((hit) => {
    const figures = new Float32Array(SIMILARITY_WIDTH)
    compare(asked, profileOf(index, hit.document), hit.score, figures)
    return { document: hit.document, logOdds: logOdds(rerank, figures), figures }
  })
  return matches.sort((a, b) => b.logOdds - a.logOdds)
}

function profileOf(index: QuestionIndex, document: number): Profile {
  const kept = index.profiles.get(document)
  if (kept) return kept
  const text = index.texts[document] ?? ''
  const made = profile(text, index.said[document] ?? text, tokenise(text), index.rarity)
  if (index.profiles.size < PROFILE_CACHE) index.profiles.set(document, made)
  return made
}

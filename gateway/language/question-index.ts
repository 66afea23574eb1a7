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
import { createProfile, fillProfile, measureRarity, type Rarity } from './profile.ts'
import type { QueryText } from './question-model.ts'
import { compare, SIMILARITY_WIDTH } from './similarity.ts'
import { createStoredProfiles, openProfile, type StoredProfiles } from './stored-profiles.ts'
import {
  createSparseVector,
  createVectoriser,
  type SparseVector,
  type Vectoriser,
  vectorise,
} from './vectorise.ts'

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
const CANDIDATES = 24

export interface QuestionIndex {
  readonly inverted: InvertedIndex
  readonly vectoriser: Vectoriser
  readonly rarity: Rarity
  readonly profiles: StoredProfiles
  /** Scratch. */
  readonly buffer: FeatureBuffer
  readonly vector: SparseVector
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
  const rarity = measureRarity(texts.map(({ text }) => text))
  return {
    inverted: buildInvertedIndex(buildMatrix(searched, SEARCH_FEATURES, vectoriser)),
    vectoriser,
    rarity,
    profiles: createStoredProfiles(texts, rarity),
    buffer: createFeatureBuffer(),
    vector: createSparseVector(),
  }
}

/** Scratch: the question that is asked. */
const asked = createProfile()

/** Stored questions most like `query`, best first; `skip` leaves one out. */
export function findMatches(
  index: QuestionIndex,
  query: QueryText,
  rerank: Logistic,
  skip = -1,
): Match[] {
  const hits = searchIndex(index.inverted, termsOf(index, query), CANDIDATES, skip)
  fillProfile(asked, query.text, query.said, index.rarity)
  const matches = hits.map((hit) => {
    const figures = new Float32Array(SIMILARITY_WIDTH)
    compare(asked, openProfile(index.profiles, hit.document), hit.score, figures)
    return { document: hit.document, logOdds: logOdds(rerank, figures), figures }
  })
  return matches.sort((a, b) => b.logOdds - a.logOdds)
}

function termsOf({ vectoriser, buffer, vector }: QuestionIndex, query: QueryText): SparseVector {
  const { tokens, lang, entities } = query.forSearch
  extractFeatures(tokens, lang, entities, SEARCH_FEATURES, buffer)
  vectorise(vectoriser, buffer, vector)
  return vector
}

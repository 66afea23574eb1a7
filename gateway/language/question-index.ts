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
export const CANDIDATES = 24
/** Profiles of stored questions kept ready, twice so many at most, about 1 kB each. */
const PROFILE_GENERATION = 8000

export interface QuestionIndex {
  /** Normal form and full wording of each stored question. */
  readonly texts: readonly string[]
  readonly said: readonly string[]
  readonly inverted: InvertedIndex
  readonly vectoriser: Vectoriser
  readonly rarity: Rarity
  /** Profiles of the stored questions last compared: those asked about most are never made anew. */
  readonly profiles: { young: Map<number, Profile>; old: Map<number, Profile> }
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
  return {
    texts: texts.map(({ text }) => text),
    said: texts.map(({ said }) => said),
    inverted: buildInvertedIndex(buildMatrix(searched, SEARCH_FEATURES, vectoriser)),
    vectoriser,
    rarity: measureRarity(searched),
    profiles: { young: new Map(), old: new Map() },
    buffer: createFeatureBuffer(),
    vector: createSparseVector(),
  }
}

/** Cosine of the stored question nearest to `query` by n-grams alone; 0 when none shares any. */
export function nearestCosine(index: QuestionIndex, query: QueryText): number {
  return searchIndex(index.inverted, termsOf(index, query), 1)[0]?.score ?? 0
}

/** Stored questions most like `query`, best first; `skip` leaves one out. */
export function findMatches(
  index: QuestionIndex,
  query: QueryText,
  rerank: Logistic,
  skip = -1,
): Match[] {
  const hits = searchIndex(index.inverted, termsOf(index, query), CANDIDATES, skip)
  const asked = profile(query.text, query.said, query.forSearch.tokens, index.rarity)
  const matches = hits.map((hit) => {
    const figures = new Float32Array(SIMILARITY_WIDTH)
    compare(asked, profileOf(index, hit.document), hit.score, figures)
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

function profileOf(index: QuestionIndex, document: number): Profile {
  const { profiles } = index
  const kept = profiles.young.get(document)
  if (kept) return kept
  const profiled = profiles.old.get(document) ?? makeProfile(index, document)
  if (profiles.young.size >= PROFILE_GENERATION) {
    profiles.old = profiles.young
    profiles.young = new Map()
  }
  profiles.young.set(document, profiled)
  return profiled
}

function makeProfile({ texts, said, rarity }: QuestionIndex, document: number): Profile {
  const text = texts[document] ?? ''
  return profile(text, said[document] ?? text, tokenise(text), rarity)
}

/** Labelled texts as a sparse matrix, row by row. */
import type { Language } from '../knowledge/pack-schema.ts'
import {
  createFeatureBuffer,
  extractFeatures,
  type FeatureBuffer,
  type FeatureOptions,
} from './features.ts'
import { commonest, countHash, createTextCounts } from './text-counts.ts'
import type { Token } from './tokens.ts'
import { createSparseVector, type Vectoriser, vectorise, widthOf } from './vectorise.ts'
import { createVocabulary, type Vocabulary } from './vocabulary.ts'

/** A text ready for the extraction of features. */
export interface PreparedText {
  readonly lang: Language
  readonly tokens: readonly Token[]
  readonly entities: readonly string[]
}

/** Below 1, rare features weigh a little less than by plain inverse document frequency. */
const RARITY_POWER = 0.7

/** Compressed sparse rows. */
export interface Matrix {
  readonly starts: Int32Array
  readonly columns: Int32Array
  readonly values: Float32Array
  readonly rows: number
  readonly width: number
}

/** Class weights as columns × classes (a column's weights lie together), then one bias a class. */
export interface DenseWeights {
  readonly weights: Float32Array
  readonly biases: Float32Array
  readonly classes: number
}

/**
 * The vocabulary of `texts`: features that occur in at least `minimumTexts` of them, the most frequent
 * `limit` if there are more.
 */
export function buildVocabulary(
  texts: readonly PreparedText[],
  options: FeatureOptions,
  minimumTexts: number,
  limit: number,
): Vocabulary {
  const counts = createTextCounts()
  const buffer = createFeatureBuffer()
  for (let row = 0; row < texts.length; row++) {
    fill(texts[row], options, buffer)
    for (let i = 0; i < buffer.length; i++) countHash(counts, buffer.hashes[i] as number, row)
  }
  const kept = commonest(counts, minimumTexts, limit)
  const idf = Float32Array.from(
    kept.texts,
    (having) => (Math.log((1 + texts.length) / (1 + having)) + 1) ** RARITY_POWER,
  )
  return createVocabulary(kept.hashes, idf)
}

function fill(
  text: PreparedText | undefined,
  options: FeatureOptions,
  buffer: FeatureBuffer,
): void {
  if (text) extractFeatures(text.tokens, text.lang, text.entities, options, buffer)
  else buffer.length = 0
}

/** The rows of `texts` under a vectoriser. */
export function buildMatrix(
  texts: readonly PreparedText[],
  options: FeatureOptions,
  vectoriser: Vectoriser,
): Matrix {
  const starts = new Int32Array(texts.length + 1)
  let columns = new Int32Array(texts.length * 64 + 1024)
  let values = new Float32Array(columns.length)
  const buffer = createFeatureBuffer()
  const vector = createSparseVector()
  let end = 0
  for (let row = 0; row < texts.length; row++) {
    fill(texts[row], options, buffer)
    vectorise(vectoriser, buffer, vector)
    if (end + vector.length > columns.length) {
      const wider = new Int32Array((end + vector.length) * 2)
      wider.set(columns)
      columns = wider
      const heavier = new Float32Array(wider.length)
      heavier.set(values)
      values = heavier
    }
    columns.set(vector.columns.subarray(0, vector.length), end)
    values.set(vector.values.subarray(0, vector.length), end)
    end += vector.length
    starts[row + 1] = end
  }
  return {
    starts,
    columns: columns.slice(0, end),
    values: values.slice(0, end),
    rows: texts.length,
    width: widthOf(vectoriser.vocabulary),
  }
}

/** Feature buffers to sparse vectors: counts damped, weighted by rarity, each view to unit length. */
import { type FeatureBuffer, VIEW, VIEW_COUNT } from './features.ts'
import { columnOf, type Vocabulary } from './vocabulary.ts'
import { MEANING_WIDTH } from './word-vectors.ts'

export interface SparseVector {
  columns: Int32Array
  values: Float32Array
  length: number
  /** Share of the text's rarity weight that the vocabulary knows, 0–1: low for foreign matters. */
  known: number
}

export interface Vectoriser {
  readonly vocabulary: Vocabulary
  /** Length that each view is scaled to. */
  readonly viewWeights: readonly number[]
  readonly counts: Float32Array
  readonly views: Uint8Array
}

export function createVectoriser(
  vocabulary: Vocabulary,
  viewWeights: readonly number[],
): Vectoriser {
  const width = widthOf(vocabulary)
  return {
    vocabulary,
    viewWeights,
    counts: new Float32Array(width),
    views: new Uint8Array(width).fill(VIEW.meaning, vocabulary.hashes.length),
  }
}

export function createSparseVector(): SparseVector {
  return { columns: new Int32Array(512), values: new Float32Array(512), length: 0, known: 0 }
}

/** Fills `vector` from `buffer`; reuses its arrays. */
export function vectorise(
  vectoriser: Vectoriser,
  buffer: FeatureBuffer,
  vector: SparseVector,
): void {
  const { vocabulary, counts, views } = vectoriser
  if (vector.columns.length < buffer.length + MEANING_WIDTH) {
    vector.columns = new Int32Array(buffer.length * 2 + MEANING_WIDTH)
    vector.values = new Float32Array(buffer.length * 2 + MEANING_WIDTH)
  }
  const { columns, values } = vector
  let length = 0
  let unknown = 0
  for (let i = 0; i < buffer.length; i++) {
    const column = columnOf(vocabulary, buffer.hashes[i] ?? 0)
    if (column < 0) {
      unknown++
      continue
    }
    const count = counts[column] ?? 0
    if (count === 0) {
      columns[length++] = column
      views[column] = buffer.views[i] ?? 0
    }
    counts[column] = count + 1
  }
  const squares = new Float64Array(VIEW_COUNT)
  for (let i = 0; i < length; i++) {
    const column = columns[i] ?? 0
    const count = counts[column] ?? 0
    counts[column] = 0
    const value = (count === 1 ? 1 : 1 + Math.log(count)) * (vocabulary.idf[column] ?? 0)
    values[i] = value
    const view = views[column] ?? 0
    squares[view] = (squares[view] ?? 0) + value * value
  }
  const scale = squares.map((square, view) =>
    square > 0 ? (vectoriser.viewWeights[view] ?? 1) / Math.sqrt(square) : 0,
  )
  for (let i = 0; i < length; i++) {
    values[i] = (values[i] ?? 0) * (scale[views[columns[i] ?? 0] ?? 0] ?? 0)
  }
  const meaning = vectoriser.viewWeights[VIEW.meaning] ?? 0
  if (meaning > 0) length = appendMeaning(vectoriser, buffer, meaning, vector, length)
  vector.length = length
  vector.known = buffer.length === 0 ? 0 : 1 - unknown / buffer.length
}

/** Columns of a vector: the features of the vocabulary, then what the words mean. */
export const widthOf = ({ hashes }: Vocabulary): number => hashes.length + MEANING_WIDTH

function appendMeaning(
  { vocabulary }: Vectoriser,
  { meaning }: FeatureBuffer,
  weight: number,
  { columns, values }: SparseVector,
  from: number,
): number {
  const first = vocabulary.hashes.length
  let length = from
  for (let i = 0; i < MEANING_WIDTH; i++) {
    const value = meaning[i] as number
    if (value === 0) continue
    columns[length] = first + i
    values[length++] = weight * value
  }
  return length
}

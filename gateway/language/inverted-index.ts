/**
 * Finds the stored questions nearest to a text: cosine over hashed n-grams, by postings lists.
 *
 * Terms are taken rarest first and the walk ends after a set number of postings, so that one query over
 * 100,000 questions stays within milliseconds however common its words are.
 */
import type { Matrix } from './dataset.ts'
import type { SparseVector } from './vectorise.ts'

export interface InvertedIndex {
  readonly starts: Int32Array
  readonly documents: Int32Array
  readonly values: Float32Array
  readonly size: number
  /** Scratch, all zero between queries. */
  readonly scores: Float32Array
  readonly touched: Int32Array
}

export interface Hit {
  readonly document: number
  /** Cosine, 0–1. */
  readonly score: number
}

/** Postings read per query at most: about half a millisecond. Rare terms come first, so what is cut says little. */
export const MAX_POSTINGS = 60_000

/** Turns rows of documents into postings lists of terms. */
export function buildInvertedIndex(matrix: Matrix): InvertedIndex {
  const starts = new Int32Array(matrix.width + 2)
  for (const column of matrix.columns) starts[column + 2] = (starts[column + 2] ?? 0) + 1
  for (let i = 2; i < starts.length; i++) starts[i] = (starts[i] ?? 0) + (starts[i - 1] ?? 0)
  const documents = new Int32Array(matrix.columns.length)
  const values = new Float32Array(matrix.columns.length)
  for (let row = 0; row < matrix.rows; row++) {
    const end = matrix.starts[row + 1] ?? 0
    for (let i = matrix.starts[row] ?? 0; i < end; i++) {
      const slot = (matrix.columns[i] ?? 0) + 1
      const at = starts[slot] ?? 0
      documents[at] = row
      values[at] = matrix.values[i] ?? 0
      starts[slot] = at + 1
    }
  }
  return {
    starts,
    documents,
    values,
    size: matrix.rows,
    scores: new Float32Array(matrix.rows),
    touched: new Int32Array(matrix.rows),
  }
}

/** The `limit` documents nearest to `query`, best first; `skip` leaves one document out. */
export function searchIndex(
  index: InvertedIndex,
  query: SparseVector,
  limit: number,
  skip = -1,
): Hit[] {
  const { starts, documents, values, scores, touched } = index
  const frequency = (term: number): number => (starts[term + 1] ?? 0) - (starts[term] ?? 0)
  const order = Array.from({ length: query.length }, (_, i) => i)
  order.sort((a, b) => frequency(query.columns[a] ?? 0) - frequency(query.columns[b] ?? 0))
  let found = 0
  let read = 0
  for (const i of order) {
    const term = query.columns[i] ?? 0
    const weight = query.values[i] ?? 0
    const start = starts[term] as number
    const end = starts[term + 1] as number
    if (read > 0 && read + end - start > MAX_POSTINGS) break
    read += end - start
    for (let k = start; k < end; k++) {
      const document = documents[k] as number
      const before = scores[document] as number
      if (before === 0) touched[found++] = document
      scores[document] = before + weight * (values[k] as number)
    }
  }
  return takeBest(scores, touched.subarray(0, found), limit, skip)
}

/** Keeps a short sorted list of the best and clears the scratch on the way. */
function takeBest(scores: Float32Array, touched: Int32Array, limit: number, skip: number): Hit[] {
  const best: Hit[] = []
  let least = 0
  for (const document of touched) {
    const score = scores[document] ?? 0
    scores[document] = 0
    if (document === skip || (best.length === limit && score <= least)) continue
    let at = best.length
    while (at > 0 && (best[at - 1]?.score ?? 0) < score) at--
    best.splice(at, 0, { document, score })
    if (best.length > limit) best.pop()
    least = best[best.length - 1]?.score ?? 0
  }
  return best
}

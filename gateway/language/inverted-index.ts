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
  /** The bits of `scores`: 0 for 0. */
  readonly scoreBits: Int32Array
  /** Scratch with room for one more than there are documents. */
  readonly touched: Int32Array
}

export interface Hit {
  readonly document: number
  /** Cosine, 0–1. */
  readonly score: number
}

/** Postings read per query at most: about half a millisecond. Rare terms come first, so what is cut says little. */
const MAX_POSTINGS = 60_000
/** Documents that one query can ask for. */
const MAX_HITS = 64

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
  const scores = new Float32Array(matrix.rows)
  return {
    starts,
    documents,
    values,
    size: matrix.rows,
    scores,
    scoreBits: new Int32Array(scores.buffer),
    touched: new Int32Array(matrix.rows + 1),
  }
}

/** The `limit` documents nearest to `query`, best first; `skip` leaves one document out. */
export function searchIndex(
  index: InvertedIndex,
  query: SparseVector,
  limit: number,
  skip = -1,
): Hit[] {
  const { starts } = index
  const order = rarestFirst(starts, query)
  let found = 0
  let read = 0
  for (let n = 0; n < order.length; n++) {
    const i = (order[n] as number) % PLACES
    const term = query.columns[i] as number
    const start = starts[term] as number
    const end = starts[term + 1] as number
    if (read > 0 && read + end - start > MAX_POSTINGS) break
    read += end - start
    found = addTerm(index, start, end, query.values[i] as number, found)
  }
  return takeBest(index, found, limit, skip)
}

/** More terms than any text has; a frequency and a place below this are one exact number. */
const PLACES = 2 ** 20
let keys = new Float64Array(512)

/** Places of the terms of `query`, each with its frequency × {@link PLACES} on top. */
function rarestFirst(starts: Int32Array, query: SparseVector): Float64Array {
  const { columns, length } = query
  if (keys.length < length) keys = new Float64Array(length * 2)
  for (let i = 0; i < length; i++) {
    const term = columns[i] as number
    keys[i] = ((starts[term + 1] as number) - (starts[term] as number)) * PLACES + i
  }
  return keys.subarray(0, length).sort()
}

/** Adds one term's part to the scores; returns how many documents are touched by now. */
function addTerm(
  { documents, values, scores, scoreBits, touched }: InvertedIndex,
  start: number,
  end: number,
  weight: number,
  foundBefore: number,
): number {
  let found = foundBefore
  for (let k = start; k < end; k++) {
    const document = documents[k] as number
    const bits = scoreBits[document] as number
    // Whether a document is new is a coin toss that no processor foretells: written always, counted if new.
    touched[found] = document
    found += ((bits | -bits) >>> 31) ^ 1
    scores[document] = (scores[document] as number) + weight * (values[k] as number)
  }
  return found
}

const bestDocuments = new Int32Array(MAX_HITS + 1)
const bestScores = new Float32Array(MAX_HITS + 1)

/** Keeps a short sorted list of the best and clears the scratch on the way. */
function takeBest(
  { scores, touched }: InvertedIndex,
  found: number,
  wanted: number,
  skip: number,
): Hit[] {
  const limit = Math.min(wanted, MAX_HITS)
  let length = 0
  let least = 0
  for (let n = 0; n < found; n++) {
    const document = touched[n] as number
    const score = scores[document] as number
    scores[document] = 0
    if ((length === limit && score <= least) || document === skip) continue
    let at = length
    for (; at > 0 && (bestScores[at - 1] as number) < score; at--) {
      bestScores[at] = bestScores[at - 1] as number
      bestDocuments[at] = bestDocuments[at - 1] as number
    }
    bestScores[at] = score
    bestDocuments[at] = document
    if (length < limit) length++
    least = bestScores[length - 1] as number
  }
  const hits: Hit[] = []
  for (let n = 0; n < length; n++) {
    hits.push({ document: bestDocuments[n] as number, score: bestScores[n] as number })
  }
  return hits
}

/** How alike two questions are, in a handful of figures that the rerank weighs. */
import { align, HEARD } from './alignment.ts'
import type { Profile } from './profile.ts'
import { areOpposed } from './question-words.ts'

export const SIMILARITY_NAMES = [
  'cosine',
  'units',
  'coversQuery',
  'coversCandidate',
  'order',
  'numbersDiffer',
  'negationDiffers',
  'typeDiffers',
  'typeAgrees',
  'opposed',
  'lengthDiffers',
  'heardAlike',
  'runMissingFromCandidate',
  'runMissingFromQuery',
  'weightDiffers',
  'sameWords',
  'contentMissing',
  'contentReplaced',
  'contentBegins',
  'contentCoversQuery',
  'contentCoversCandidate',
] as const
export const SIMILARITY_WIDTH = SIMILARITY_NAMES.length

/** Units of less content than this begin nothing. */
const CONTENT_FROM = 0.2

/** Fills `out` with the similarity of `query` and `candidate`; `cosine` comes from the index. */
export function compare(
  query: Profile,
  candidate: Profile,
  cosine: number,
  out: Float32Array,
): void {
  const alignment = align(query, candidate)
  const q = weigh(query, alignment.query)
  const c = weigh(candidate, alignment.candidate)
  const shared = query.types & candidate.types
  out[0] = cosine
  out[1] = shareOf(q.matched + c.matched, q.total + c.total)
  out[2] = shareOf(q.matched, q.total)
  out[3] = shareOf(c.matched, c.total)
  out[4] = shareOf(alignment.inOrder, Math.max(q.total, c.total))
  out[5] = sameNumbers(query, candidate) ? 0 : 1
  out[6] = query.negated === candidate.negated ? 0 : 1
  out[7] = query.types !== 0 && candidate.types !== 0 && shared === 0 ? 1 : 0
  out[8] = shared !== 0 || query.types === candidate.types ? 1 : 0
  out[9] = areOpposed(query.sides, candidate.sides) ? 1 : 0
  out[10] = Math.abs(query.length - candidate.length) / Math.max(query.length, candidate.length, 1)
  out[11] = shareOf(q.heard, q.total)
  out[12] = q.heaviestRun
  out[13] = c.heaviestRun
  out[14] = shareOf(Math.abs(q.total - c.total), Math.max(q.total, c.total))
  out[15] = commonPairs(query, candidate)
  out[16] = q.contentMissing
  out[17] = alignment.heaviestReplaced
  out[18] = q.begins * c.begins
  out[19] = shareOf(q.contentMatched, q.content)
  out[20] = shareOf(c.contentMatched, c.content)
}

const shareOf = (part: number, whole: number): number => part / Math.max(whole, 1e-6)

/** Sums over the units of one side by how they are matched. */
function weigh(profile: Profile, matches: Float32Array) {
  let total = 0
  let matched = 0
  let heard = 0
  let run = 0
  let heaviestRun = 0
  let content = 0
  let contentMatched = 0
  let contentMissing = 0
  let begins = -1
  for (let i = 0; i < profile.length; i++) {
    const weight = profile.weights[i] as number
    const matter = profile.content[i] as number
    const match = matches[i] as number
    total += weight
    matched += weight * match
    content += matter
    contentMatched += matter * match
    if (match === 0 && matter > contentMissing) contentMissing = matter
    run = match === 0 ? run + weight : 0
    if (run > heaviestRun) heaviestRun = run
    if (match > 0 && Math.abs(match - HEARD) < 1e-3) heard += weight
    if (begins < 0 && matter > CONTENT_FROM) begins = match
  }
  return {
    total,
    matched,
    heard,
    heaviestRun,
    content,
    contentMatched,
    /** Heaviest single unit of content left over. */
    contentMissing,
    /** How the first unit of content is matched. */
    begins: begins < 0 ? 1 : begins,
  }
}

/** Dice coefficient of two sorted lists. */
function commonPairs(one: Profile, other: Profile): number {
  let i = one.pairsFrom
  let j = other.pairsFrom
  let met = 0
  while (i < one.pairsTo && j < other.pairsTo) {
    const a = one.pairs[i] as number
    const b = other.pairs[j] as number
    if (a === b) met++
    if (a <= b) i++
    if (b <= a) j++
  }
  return (2 * met) / (one.pairsTo - one.pairsFrom + other.pairsTo - other.pairsFrom)
}

function sameNumbers(query: Profile, candidate: Profile): boolean {
  if (query.numbers.length === 0 && candidate.numbers.length === 0) return true
  return (
    query.numbers.every((number) => candidate.numbers.includes(number)) &&
    candidate.numbers.every((number) => query.numbers.includes(number))
  )
}

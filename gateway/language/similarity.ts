/** How alike two questions are, in a handful of figures that the rerank weighs. */
import type { Profile } from './profile.ts'
import { areOpposed } from './question-words.ts'

export const SIMILARITY_NAMES = [
  'cosine',
  'units',
  'pairs',
  'coversQuery',
  'coversCandidate',
  'order',
  'missingFromCandidate',
  'missingFromQuery',
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
] as const
export const SIMILARITY_WIDTH = SIMILARITY_NAMES.length

/** Credit for units that sound alike but are written differently. */
const HEARD = 0.85

const matchedQuery = new Float32Array(128)
const matchedCandidate = new Float32Array(128)
const rowA = new Float32Array(130)
const rowB = new Float32Array(130)

/** Fills `out` with the similarity of `query` and `candidate`; `cosine` comes from the index. */
export function compare(
  query: Profile,
  candidate: Profile,
  cosine: number,
  out: Float32Array,
): void {
  alignUnits(query, candidate)
  const q = weigh(query, matchedQuery)
  const c = weigh(candidate, matchedCandidate)
  out[0] = cosine
  out[1] = (q.matched + c.matched) / Math.max(q.total + c.total, 1e-6)
  out[2] = pairOverlap(query, candidate)
  out[3] = q.matched / Math.max(q.total, 1e-6)
  out[4] = c.matched / Math.max(c.total, 1e-6)
  out[5] = commonOrder(query, candidate)
  out[6] = q.heaviestMissing
  out[7] = c.heaviestMissing
  out[8] = sameNumbers(query, candidate) ? 0 : 1
  out[9] = query.negated === candidate.negated ? 0 : 1
  const shared = query.types & candidate.types
  out[10] = query.types !== 0 && candidate.types !== 0 && shared === 0 ? 1 : 0
  out[11] = shared !== 0 || query.types === candidate.types ? 1 : 0
  out[12] = areOpposed(query.sides, candidate.sides) ? 1 : 0
  out[13] =
    Math.abs(query.units.length - candidate.units.length) /
    Math.max(query.units.length, candidate.units.length, 1)
  out[14] = q.heard
  out[15] = q.heaviestRun
  out[16] = c.heaviestRun
  out[17] = Math.abs(q.total - c.total) / Math.max(q.total, c.total, 1e-6)
}

/** Marks each unit by its partner on the other side: 1 the same, HEARD alike in sound, 0 alone. */
function alignUnits(query: Profile, candidate: Profile): void {
  const n = query.units.length
  const m = candidate.units.length
  matchedQuery.fill(0, 0, n)
  matchedCandidate.fill(0, 0, m)
  for (let i = 0; i < n; i++) {
    const unit = query.units[i] as number
    for (let j = 0; j < m; j++) {
      if (candidate.units[j] === unit && matchedCandidate[j] === 0) {
        matchedQuery[i] = 1
        matchedCandidate[j] = 1
        break
      }
    }
  }
  for (let i = 0; i < n; i++) {
    const syllable = query.syllables[i] as number
    if (syllable === 0 || matchedQuery[i] !== 0) continue
    for (let j = 0; j < m; j++) {
      if (candidate.syllables[j] === syllable && matchedCandidate[j] === 0) {
        matchedQuery[i] = HEARD
        matchedCandidate[j] = HEARD
        break
      }
    }
  }
}

function weigh(profile: Profile, matched: Float32Array) {
  let total = 0
  let met = 0
  let heard = 0
  let heaviestMissing = 0
  let run = 0
  let heaviestRun = 0
  for (let i = 0; i < profile.units.length; i++) {
    const weight = profile.weights[i] as number
    const match = matched[i] as number
    total += weight
    met += weight * match
    if (match === 0 && weight > heaviestMissing) heaviestMissing = weight
    run = match === 0 ? run + weight : 0
    if (run > heaviestRun) heaviestRun = run
    if (match === HEARD) heard += weight
  }
  return { total, matched: met, heaviestMissing, heaviestRun, heard: heard / Math.max(total, 1e-6) }
}

const alike = (query: Profile, i: number, candidate: Profile, j: number): boolean =>
  query.units[i] === candidate.units[j] ||
  (query.syllables[i] !== 0 && query.syllables[i] === candidate.syllables[j])

/** Weighted Dice coefficient of neighbouring pairs of units. */
function pairOverlap(query: Profile, candidate: Profile): number {
  const n = query.units.length - 1
  const m = candidate.units.length - 1
  if (n < 1 || m < 1) return n === m && alike(query, 0, candidate, 0) ? 1 : 0
  let total = 0
  let met = 0
  for (let j = 0; j < m; j++) total += pairWeight(candidate, j)
  for (let i = 0; i < n; i++) {
    const weight = pairWeight(query, i)
    total += weight
    for (let j = 0; j < m; j++) {
      if (alike(query, i, candidate, j) && alike(query, i + 1, candidate, j + 1)) {
        met += weight
        break
      }
    }
  }
  return Math.min(1, (2 * met) / Math.max(total, 1e-6))
}

const pairWeight = (profile: Profile, i: number): number =>
  (profile.weights[i] as number) + (profile.weights[i + 1] as number)

/** Longest common subsequence by weight, against the heavier side. */
function commonOrder(query: Profile, candidate: Profile): number {
  const n = query.units.length
  const m = candidate.units.length
  let above = rowA
  let row = rowB
  above.fill(0, 0, m + 1)
  let totalQuery = 0
  for (let i = 0; i < n; i++) {
    const weight = query.weights[i] as number
    totalQuery += weight
    row[0] = 0
    for (let j = 0; j < m; j++) {
      const skip = Math.max(above[j + 1] as number, row[j] as number)
      row[j + 1] = alike(query, i, candidate, j)
        ? Math.max(skip, (above[j] as number) + weight)
        : skip
    }
    const held = above
    above = row
    row = held
  }
  let totalCandidate = 0
  for (let j = 0; j < m; j++) totalCandidate += candidate.weights[j] as number
  return (above[m] as number) / Math.max(totalQuery, totalCandidate, 1e-6)
}

function sameNumbers(query: Profile, candidate: Profile): boolean {
  if (query.numbers.length === 0 && candidate.numbers.length === 0) return true
  return (
    query.numbers.every((number) => candidate.numbers.includes(number)) &&
    candidate.numbers.every((number) => query.numbers.includes(number))
  )
}

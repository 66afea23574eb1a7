/** Lays two questions side by side: which units meet, and what stands in the place of what. */
import { MAX_UNITS, type Profile } from './profile.ts'

/** Credit for units that sound alike but are written differently. */
export const HEARD = 0.85
/** Credit for units of a word whose synonym stands on the other side. */
const MEANT = 0.6
const ROW = MAX_UNITS + 1

const query = new Float32Array(MAX_UNITS)
const candidate = new Float32Array(MAX_UNITS)
/** Whether a unit of the query has any like it in the candidate, taken or not. */
const hasLike = new Uint8Array(MAX_UNITS)
/** ordered[i][j]: weight of the longest common subsequence of query from i and candidate from j. */
const ordered = new Float64Array(ROW * ROW)

export interface Alignment {
  /** By unit: 1 the same on the other side, {@link HEARD} alike in sound, less by meaning, 0 alone. */
  readonly query: Float32Array
  readonly candidate: Float32Array
  /** Weight of the longest common subsequence. */
  readonly inOrder: number
  /** Greatest weight of content left over on both sides at one place: one word in place of another. */
  readonly heaviestReplaced: number
}

/** The arrays of the result are used again by the next call. */
export function align(asked: Profile, stored: Profile): Alignment {
  matchUnits(asked, stored)
  matchConcepts(asked, stored, query)
  matchConcepts(stored, asked, candidate)
  measureOrder(asked, stored)
  return {
    query,
    candidate,
    inOrder: ordered[0] as number,
    heaviestReplaced: findReplaced(asked, stored),
  }
}

/** Each unit has one partner: the same one if there is, else one that sounds the same. */
function matchUnits(asked: Profile, stored: Profile): void {
  const n = asked.length
  const m = stored.length
  query.fill(0, 0, n)
  candidate.fill(0, 0, m)
  for (let i = 0; i < n; i++) {
    const unit = asked.units[i] as number
    let like = 0
    for (let j = 0; j < m; j++) {
      if (stored.units[j] !== unit) continue
      like = 1
      if (candidate[j] !== 0) continue
      query[i] = 1
      candidate[j] = 1
      break
    }
    hasLike[i] = like
  }
  for (let i = 0; i < n; i++) {
    const syllable = asked.syllables[i] as number
    if (syllable === 0 || query[i] !== 0) continue
    for (let j = 0; j < m; j++) {
      if (stored.syllables[j] !== syllable) continue
      hasLike[i] = 1
      if (candidate[j] !== 0) continue
      query[i] = HEARD
      candidate[j] = HEARD
      break
    }
  }
}

function matchConcepts(own: Profile, other: Profile, matched: Float32Array): void {
  for (let i = 0; i < own.length; i++) {
    const concept = own.concepts[i] as number
    if (concept === 0 || (matched[i] as number) >= MEANT) continue
    for (let j = 0; j < other.length; j++) {
      if (other.concepts[j] !== concept) continue
      matched[i] = MEANT
      break
    }
  }
}

const areAlike = (asked: Profile, i: number, stored: Profile, j: number): boolean =>
  asked.units[i] === stored.units[j] ||
  (asked.syllables[i] !== 0 && asked.syllables[i] === stored.syllables[j])

function measureOrder(asked: Profile, stored: Profile): void {
  const n = asked.length
  const m = stored.length
  ordered.fill(0, n * ROW, n * ROW + m + 1)
  for (let i = n - 1; i >= 0; i--) {
    const weight = asked.weights[i] as number
    const row = i * ROW
    if (hasLike[i] === 0) {
      // Nothing to meet: from here on the best is what it is one unit later.
      ordered.copyWithin(row, row + ROW, row + ROW + m + 1)
      continue
    }
    ordered[row + m] = 0
    for (let j = m - 1; j >= 0; j--) {
      const below = ordered[row + ROW + j] as number
      const right = ordered[row + j + 1] as number
      let best = below > right ? below : right
      if (areAlike(asked, i, stored, j)) {
        const met = (ordered[row + ROW + j + 1] as number) + weight
        if (met > best) best = met
      }
      ordered[row + j] = best
    }
  }
}

/** Walks both along their common subsequence; what is alone between two meetings faces each other. */
function findReplaced(asked: Profile, stored: Profile): number {
  const n = asked.length
  const m = stored.length
  let i = 0
  let j = 0
  let left = 0
  let right = 0
  let heaviest = 0
  while (i < n || j < m) {
    const below = i < n ? (ordered[(i + 1) * ROW + j] as number) : -1
    const beside = j < m ? (ordered[i * ROW + j + 1] as number) : -1
    const here = ordered[i * ROW + j] as number
    if (i < n && j < m && here > below && here > beside) {
      heaviest = Math.max(heaviest, Math.min(left, right))
      left = 0
      right = 0
      i++
      j++
    } else if (i < n && (below >= beside || j >= m)) {
      if (query[i] === 0) left += asked.content[i] as number
      i++
    } else {
      if (candidate[j] === 0) right += stored.content[j] as number
      j++
    }
  }
  return Math.max(heaviest, Math.min(left, right))
}

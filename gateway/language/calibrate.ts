/** Fits the decision: which label ranks first, and how often that is right. */
import { confidenceOf, fitConfidence, type Sample } from './confidence.ts'
import { fitLogistic, type Logistic, logOdds } from './logistic.ts'
import type { Decision } from './question-model.ts'
import {
  confidenceFigures,
  type Evidence,
  RANK_WIDTH,
  rankFigures,
  type Surroundings,
} from './reader.ts'

/** Evidence about a question that neither the classifier nor the index had seen. */
export interface HeldOut {
  readonly evidence: readonly Evidence[]
  /** The right label, or -1 when no label is right. */
  readonly label: number
  readonly surroundings: Surroundings
  readonly weight: number
}

/** Pull of the starting weights; small beside hundreds of questions. */
const RIDGE = 1

export function fitDecision(start: Decision, rows: readonly HeldOut[]): Decision {
  const rank = fitRank(start.rank, rows)
  const samples = rows.map((row): Sample => {
    const sorted = rerank(row, rank)
    return {
      figures: confidenceFigures(sorted, row.surroundings),
      isInScope: row.label >= 0,
      isRight: row.label >= 0 && sorted[0]?.label === row.label,
      weight: row.weight,
    }
  })
  return { rerank: start.rerank, rank, ...fitConfidence(start, samples) }
}

function fitRank(start: Logistic, rows: readonly HeldOut[]): Logistic {
  const figures: Float32Array[] = []
  const targets: number[] = []
  const weights: number[] = []
  for (const { evidence, label, weight } of rows) {
    if (label < 0) continue
    for (const item of evidence) {
      const row = new Float32Array(RANK_WIDTH)
      rankFigures(item, row)
      figures.push(row)
      targets.push(item.label === label ? 1 : 0)
      weights.push(weight)
    }
  }
  return fitLogistic(figures, targets, RANK_WIDTH, {
    ridge: RIDGE,
    prior: start,
    rowWeights: weights,
  })
}

function rerank(row: HeldOut, rank: Logistic): Evidence[] {
  const figures = new Float32Array(RANK_WIDTH)
  const ranked = row.evidence.map((item) => {
    rankFigures(item, figures)
    return { ...item, rank: logOdds(rank, figures) }
  })
  return ranked.sort((a, b) => b.rank - a.rank)
}

/** One held-out question, decided. */
export interface Judged {
  readonly confidence: number
  readonly isRight: boolean
  readonly isInScope: boolean
  readonly weight: number
}

export function judge(decision: Decision, rows: readonly HeldOut[]): Judged[] {
  return rows.map((row) => {
    const sorted = rerank(row, decision.rank)
    const figures = confidenceFigures(sorted, row.surroundings)
    return {
      confidence: sorted.length === 0 ? 0 : confidenceOf(decision, figures),
      isRight: row.label >= 0 && sorted[0]?.label === row.label,
      isInScope: row.label >= 0,
      weight: row.weight,
    }
  })
}

/** Right answers given up where no row says what is foreign; a label less likely than `most` is none in any table. */
const FLOOR = { givenUp: 0.001, most: 0.2 }
/** Gains that differ by less than this share of `worth` tell of the held-out texts, not of the threshold. */
const EQUAL_GAIN = 0.01

/**
 * The confidence below which refusing gains more than it loses: a foreign question refused counts
 * `worth` of an answer given right, both as shares of their kind. Of all that gain as much as the best, the
 * middle: the best one itself lies wherever a single text happens to be. Without a foreign question only what is less
 * sure than all but {@link FLOOR} of the right answers is refused.
 */
export function refusalThreshold(judged: readonly Judged[], worth: number): number {
  const sum = (rows: readonly Judged[]): number => rows.reduce((all, { weight }) => all + weight, 0)
  const inScope = sum(judged.filter((row) => row.isInScope))
  const foreign = sum(judged.filter((row) => !row.isInScope))
  if (foreign === 0) return Math.min(quantile(judged, FLOOR.givenUp), FLOOR.most)
  const sorted = [...judged].sort((a, b) => a.confidence - b.confidence)
  // Anything above `from` and up to `to` refuses the same texts.
  const steps = [{ from: 0, to: sorted[0]?.confidence ?? 0, gain: 0 }]
  let gain = 0
  sorted.forEach((row, i) => {
    if (!row.isInScope) gain += (worth * row.weight) / foreign
    else if (row.isRight) gain -= row.weight / inScope
    const next = sorted[i + 1]?.confidence ?? row.confidence
    if (next > row.confidence) steps.push({ from: row.confidence, to: next, gain })
  })
  const best = steps.reduce((most, step) => Math.max(most, step.gain), 0)
  const equal = steps.filter((step) => step.gain >= best - EQUAL_GAIN * worth)
  return ((equal[0]?.from ?? 0) + (equal.at(-1)?.to ?? 0)) / 2
}

/** The confidence that this share of the right answers does not reach; 0 where none is right. */
function quantile(judged: readonly Judged[], share: number): number {
  const right = judged.filter(({ isRight }) => isRight).sort((a, b) => a.confidence - b.confidence)
  const allowed = share * right.reduce((sum, { weight }) => sum + weight, 0)
  let below = 0
  const first = right.find(({ weight }) => {
    below += weight
    return below > allowed
  })
  return first?.confidence ?? 0
}

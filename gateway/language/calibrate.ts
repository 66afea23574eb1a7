/** Fits the decision: which label ranks first, and how often that is right. */
import { fitLogistic, type Logistic, logOdds } from './logistic.ts'
import type { Decision } from './question-model.ts'
import {
  CONFIDENCE_WIDTH,
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
  const weights = rows.map((row) => row.weight)
  const sorted = rows.map((row) => rerank(row, rank))
  const figures = rows.map((row, i) => confidenceFigures(sorted[i] ?? [], row.surroundings))
  const targets = rows.map((row, i) => {
    const best = sorted[i]?.[0]
    return best && best.label === row.label ? 1 : 0
  })
  const confidence = fitLogistic(figures, targets, CONFIDENCE_WIDTH, {
    ridge: RIDGE,
    prior: start.confidence,
    rowWeights: weights,
  })
  return { rerank: start.rerank, rank, confidence }
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

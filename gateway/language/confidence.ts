/**
 * From figures to "this is right". One regression weighs everything where a classifier has a say. Where
 * stored questions alone decide, being answered at all and being first are two matters: two stored questions
 * that fit equally well halve the confidence, and make it no likelier that neither is right.
 */
import { fitLogistic, logOdds, sigmoid } from './logistic.ts'
import type { Decision } from './question-model.ts'

export const CONFIDENCE_WIDTH = 15
/** Places of the figures that tell the lead of the best label over the others. */
const LEADS = [1, 4, 6, 9]
/** Lead of the best match among them; the others say the same or need a classifier. */
const MATCH_LEAD = 6
/** Pull of the starting weights; small beside hundreds of questions. */
const RIDGE = 1

/** Figures of one held-out question. */
export interface Sample {
  readonly figures: Float32Array
  /** Whether any label is right, and whether it is the best one. */
  readonly isInScope: boolean
  readonly isRight: boolean
  readonly weight: number
}

/** That the best label is right, 0–1. */
export function confidenceOf(
  { confidence, lead }: Pick<Decision, 'confidence' | 'lead'>,
  figures: Float32Array,
): number {
  if (!lead) return sigmoid(logOdds(confidence, figures))
  const inScope = sigmoid(logOdds(confidence, withoutLead(figures)))
  return inScope * sigmoid(logOdds(lead, leadOf(figures)))
}

/** Weights of {@link confidenceOf}, in two parts where `start` has two. */
export function fitConfidence(
  start: Pick<Decision, 'confidence' | 'lead'>,
  samples: readonly Sample[],
): Pick<Decision, 'confidence' | 'lead'> {
  if (!start.lead) {
    const confidence = fitLogistic(
      samples.map(({ figures }) => figures),
      samples.map(({ isRight }) => Number(isRight)),
      CONFIDENCE_WIDTH,
      { ridge: RIDGE, prior: start.confidence, rowWeights: samples.map(({ weight }) => weight) },
    )
    return { confidence }
  }
  const own = samples.filter(({ isInScope }) => isInScope)
  // The figures of a wrong match say nothing about what a right one looks like.
  const clear = samples.filter(({ isInScope, isRight }) => isRight || !isInScope)
  return {
    confidence: fitLogistic(
      clear.map(({ figures }) => withoutLead(figures)),
      clear.map(({ isRight }) => Number(isRight)),
      CONFIDENCE_WIDTH,
      { ridge: RIDGE, prior: start.confidence, rowWeights: clear.map(({ weight }) => weight) },
    ),
    lead: fitLogistic(
      own.map(({ figures }) => leadOf(figures)),
      own.map(({ isRight }) => Number(isRight)),
      1,
      { ridge: RIDGE, prior: start.lead, rowWeights: own.map(({ weight }) => weight) },
    ),
  }
}

const leadOf = (figures: Float32Array): Float32Array => figures.subarray(MATCH_LEAD, MATCH_LEAD + 1)

function withoutLead(figures: Float32Array): Float32Array {
  const others = Float32Array.from(figures)
  for (const at of LEADS) others[at] = 0
  return others
}

/** Reads a text against a trained model: evidence from classifier and search, joined into a ranking. */
import { CONFIDENCE_WIDTH, confidenceOf } from './confidence.ts'
import { createFeatureBuffer, extractFeatures, type FeatureBuffer } from './features.ts'
import { scoreClasses, softmax } from './linear-model.ts'
import { logOdds, sigmoid } from './logistic.ts'
import { findMatches, type Match, type QuestionIndex } from './question-index.ts'
import type { QueryText, QuestionModel } from './question-model.ts'
import { SIMILARITY_NAMES } from './similarity.ts'
import { createSparseVector, createVectoriser, type SparseVector, vectorise } from './vectorise.ts'

export interface Reader {
  readonly model: QuestionModel
  readonly index?: QuestionIndex
  /** Label numbers of the stored questions, in the order of the index. */
  readonly storedLabels: Int32Array
  /** Whether labels have so many questions that their neighbours may vote. */
  readonly countsVotes: boolean
  readonly buffer: FeatureBuffer
  readonly vector: SparseVector
  readonly scores: Float32Array
  readonly probabilities: Float32Array
  readonly vectorise: ((query: QueryText) => void) | undefined
}

/** What speaks for one label. */
export interface Evidence {
  readonly label: number
  /** Of the classifier; 1 when there is none. */
  readonly probability: number
  readonly margin: number
  /** Log odds of the best stored question with this label; the floor when none was found. */
  readonly match: number
  readonly document: number
  /** Share of the text's weight that this question covers, and its heaviest unit of content left over. */
  readonly covers: number
  readonly missing: number
  /** Share of that question's content that the text covers. */
  readonly covered: number
  /** Share of the likeness of all stored questions found that is this label's, 0–1. */
  readonly votes: number
  /** Figures of the match, for explaining it. */
  readonly figures: Float32Array | undefined
  rank: number
}

export interface Reading {
  /** Best first. */
  readonly evidence: readonly Evidence[]
  /** That the best label is right, 0–1. */
  readonly confidence: number
  readonly surroundings: Surroundings
  readonly figures: Float32Array
}

/** What a confidence needs to know beside the evidence for labels. */
export interface Surroundings {
  /** Share of the text's features that the classifier knows. */
  readonly known: number
  /** Units of the text. */
  readonly length: number
  /** The classifier's probability and margin of "none of these"; 0 where it has no such class. */
  readonly outProbability: number
  readonly outMargin: number
  /** Log odds of the best stored question that is out of scope; the floor when none was found. */
  readonly outMatch: number
}

const NO_MATCH = -8
const LEAST_LOG_PROBABILITY = -8
/** Questions a label, on average, from which the votes of neighbours helped on held-out questions. */
const VOTING_QUESTIONS = 50
/** Labels of the classifier that are weighed against the finds of the search. */
const TOP_CLASSES = 5
export const RANK_WIDTH = 5
const COVERS = SIMILARITY_NAMES.indexOf('coversQuery')
const MISSING = SIMILARITY_NAMES.indexOf('contentMissing')
const COVERED = SIMILARITY_NAMES.indexOf('contentCoversCandidate')
/** Margins of the classifier are kept within this; beyond it they say no more. */
const WIDEST_MARGIN = 10

export function createReader(
  model: QuestionModel,
  index: QuestionIndex | undefined,
  storedLabels: Int32Array,
): Reader {
  const { classifier } = model
  const buffer = createFeatureBuffer()
  const vector = createSparseVector()
  const vectoriser = classifier && createVectoriser(classifier.vocabulary, classifier.viewWeights)
  const classes = classifier?.linear.classes ?? 0
  return {
    model,
    ...(index ? { index } : {}),
    storedLabels,
    countsVotes: storedLabels.length >= VOTING_QUESTIONS * model.labels.length,
    buffer,
    vector,
    scores: new Float32Array(classes),
    probabilities: new Float32Array(classes),
    vectorise:
      classifier && vectoriser
        ? ({ forClassifier: { tokens, lang, entities } }) => {
            extractFeatures(tokens, lang, entities, classifier.features, buffer)
            vectorise(vectoriser, buffer, vector)
          }
        : undefined,
  }
}

/**
 * Ranks the labels for `query`. `allowed` narrows them; `skip` hides one stored question, to judge a
 * question by the others.
 */
export function read(
  reader: Reader,
  query: QueryText,
  allowed?: (label: number) => boolean,
  skip = -1,
): Reading {
  const { decision } = reader.model
  const { evidence, outMatch } = gather(reader, query, allowed, skip)
  const figures = new Float32Array(RANK_WIDTH)
  for (const item of evidence) {
    rankFigures(item, figures)
    item.rank = logOdds(decision.rank, figures)
  }
  evidence.sort((a, b) => b.rank - a.rank)
  const out = reader.model.outOfScope
  const surroundings: Surroundings = {
    known: reader.vectorise ? reader.vector.known : 1,
    length: query.forClassifier.tokens.length,
    outProbability: out === undefined ? 0 : (reader.probabilities[out] ?? 0),
    outMargin: out === undefined ? 0 : (reader.scores[out] ?? 0),
    outMatch,
  }
  const sure = confidenceFigures(evidence, surroundings)
  return {
    evidence,
    confidence: evidence.length === 0 ? 0 : confidenceOf(decision, sure),
    surroundings,
    figures: sure,
  }
}

/** Every label that the classifier or the search brings up, with what speaks for it. */
export function gather(
  reader: Reader,
  query: QueryText,
  allowed: ((label: number) => boolean) | undefined,
  skip: number,
): { readonly evidence: Evidence[]; readonly outMatch: number } {
  const bestMatch = new Map<number, Match>()
  const votes = new Map<number, number>()
  let allVotes = 1e-3
  if (reader.index) {
    for (const match of findMatches(reader.index, query, reader.model.decision.rerank, skip)) {
      const label = reader.storedLabels[match.document] ?? -1
      if (allowed && !allowed(label)) continue
      if (!bestMatch.has(label)) bestMatch.set(label, match)
      const vote = sigmoid(match.logOdds)
      votes.set(label, (votes.get(label) ?? 0) + vote)
      allVotes += vote
    }
  }
  const labels = new Set([...bestMatch.keys()].slice(0, TOP_CLASSES))
  const { classifier } = reader.model
  if (classifier && reader.vectorise) {
    reader.vectorise(query)
    scoreClasses(classifier.linear, reader.vector, reader.scores)
    if (allowed) {
      for (let c = 0; c < reader.scores.length; c++) if (!allowed(c)) reader.scores[c] = -1e9
    }
    softmax(reader.scores, classifier.linear.sharpness, reader.probabilities)
    for (const label of topIndices(reader.scores, TOP_CLASSES + 1)) {
      if (!allowed || allowed(label)) labels.add(label)
    }
  }
  labels.delete(reader.model.outOfScope ?? -1)
  const evidence = Array.from(labels, (label) => {
    const match = bestMatch.get(label)
    return {
      label,
      probability: classifier ? (reader.probabilities[label] ?? 0) : 1,
      margin: classifier ? (reader.scores[label] ?? 0) : 0,
      match: Math.max(match?.logOdds ?? NO_MATCH, NO_MATCH),
      document: match?.document ?? -1,
      covers: match?.figures[COVERS] ?? 0,
      missing: match?.figures[MISSING] ?? 1,
      covered: match?.figures[COVERED] ?? 0,
      figures: match?.figures,
      votes: reader.countsVotes ? (votes.get(label) ?? 0) / allVotes : 0,
      rank: 0,
    }
  })
  const outMatch = bestMatch.get(reader.model.outOfScope ?? -1)?.logOdds ?? NO_MATCH
  return { evidence, outMatch: Math.max(outMatch, NO_MATCH) }
}

/** The classifier's margin for one label; 0 where there is no classifier. */
export function marginOf(reader: Reader, query: QueryText, label: number): number {
  const { classifier } = reader.model
  if (!classifier || !reader.vectorise) return 0
  reader.vectorise(query)
  scoreClasses(classifier.linear, reader.vector, reader.scores)
  return reader.scores[label] ?? 0
}

/** The `limit` largest entries, largest first. */
function topIndices(values: Float32Array, limit: number): number[] {
  const best: number[] = []
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (best.length === limit && value <= (values[best[limit - 1] ?? 0] as number)) continue
    let at = best.length
    while (at > 0 && (values[best[at - 1] ?? 0] as number) < value) at--
    best.splice(at, 0, i)
    if (best.length > limit) best.pop()
  }
  return best
}

export function rankFigures(item: Evidence, out: Float32Array): void {
  out[0] = Math.max(Math.log(item.probability + 1e-9), LEAST_LOG_PROBABILITY)
  out[1] = item.margin
  out[2] = item.match
  out[3] = item.match <= NO_MATCH ? 1 : 0
  out[4] = item.votes
}

/** Evidence must be sorted by rank. */
export function confidenceFigures(
  evidence: readonly Evidence[],
  { known, length, outProbability, outMargin, outMatch }: Surroundings,
): Float32Array {
  const out = new Float32Array(CONFIDENCE_WIDTH)
  const [first, second] = evidence
  if (!first) return out
  let otherMargin = first.margin - WIDEST_MARGIN
  let otherMatch = NO_MATCH
  for (const item of evidence) {
    if (item === first) continue
    otherMargin = Math.max(otherMargin, item.margin)
    otherMatch = Math.max(otherMatch, item.match)
  }
  out[0] = first.rank
  out[1] = Math.min(first.rank - (second?.rank ?? first.rank - 8), 2)
  out[2] = Math.log((first.probability + 1e-3) / (1 - first.probability + 1e-3))
  out[3] = within(first.margin)
  out[4] = within(first.margin - otherMargin)
  out[5] = first.match
  out[6] = Math.max(-2, Math.min(first.match - otherMatch, 2))
  out[7] = known
  out[8] = Math.log(1 + length)
  out[9] = first.match > otherMatch && first.margin > otherMargin ? 1 : 0
  out[10] = outProbability
  out[11] = within(outProbability === 0 ? 0 : first.margin - outMargin)
  out[12] = first.covers
  out[13] = first.missing
  out[14] = Math.max(-4, Math.min(first.match - outMatch, 4))
  return out
}

const within = (margin: number): number => Math.max(-WIDEST_MARGIN, Math.min(margin, WIDEST_MARGIN))

/** The best label has its confidence; what is left over is shared by rank among the others. */
export function shareOut(
  evidence: readonly Evidence[],
  confidence: number,
): { readonly item: Evidence; readonly score: number }[] {
  const odds = evidence.map(({ rank }) => 1 / (1 + Math.exp(-rank)))
  const others = Math.max(
    odds.slice(1).reduce((sum, one) => sum + one, 0),
    1,
  )
  return evidence.map((item, i) => {
    if (i === 0) return { item, score: confidence }
    return { item, score: Math.min(confidence, ((1 - confidence) * (odds[i] ?? 0)) / others) }
  })
}

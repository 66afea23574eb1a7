/**
 * Trains a question model: classifier, rerank, and the decision between and above them.
 *
 * Everything that decides is fitted on evidence about held-out questions (k folds for the classifier,
 * leave-one-out for the search), clean and misheard, with questions whose own label is hidden as examples
 * of what the box does not know. So the confidence means what it says on questions never seen.
 */
import { hesitate, mishear, mistype } from './augment.ts'
import { fitDecision, type HeldOut, type Judged, judge } from './calibrate.ts'
import { trainClassifier } from './classifier.ts'
import { fitLogistic, type Logistic } from './logistic.ts'
import { normalise } from './normalise.ts'
import { buildQuestionIndex, findMatches, type QuestionIndex } from './question-index.ts'
import {
  type Classifier,
  type Decision,
  type EntityNames,
  OUT_OF_SCOPE,
  prepareQuery,
  type QueryText,
  type QuestionModel,
} from './question-model.ts'
import { type Random, seededRandom } from './random.ts'
import { createReader, read } from './reader.ts'
import { SIMILARITY_WIDTH } from './similarity.ts'

export interface TrainingQuestion {
  readonly text: string
  /** Number of its label, or -1: nothing in this model answers it. */
  readonly label: number
}

export interface TrainingOptions {
  readonly seed: number
  readonly classify: boolean
  readonly search: boolean
  /**
   * Weight of questions whose own label is hidden, as examples of what the box does not know; 0 where
   * every question to come has one of the labels.
   */
  readonly hiddenWeight: number
  readonly entityNames?: EntityNames
  readonly onProgress?: (share: number) => void
}

/** Units of a text, on average, from which no copies are made. */
const LONG_TEXT = 40
const FOLDS = 4
/** Above this many questions one fold held out is enough to fit a dozen weights on. */
const SINGLE_FOLD_ABOVE = 6000
/** A misheard copy counts this much beside its original. */
const COPY_WEIGHT = 0.4
const NOISY_WEIGHT = 0.5
/** Questions that the rerank is learned from; a dozen weights need no more. */
const RERANK_QUESTIONS = 3000

/** Starting point of the rerank: what paraphrases of our own packs share. Order as SIMILARITY_NAMES. */
export const PRIOR_RERANK: Logistic = {
  weights: [4, 2, 1.5, 1.5, 1.5, 2, -2, -1.5, -2, -1.5, -0.7, 0.3, -2, -0.3, -0.5, -4],
}
const PRIOR_DECISION: Decision = {
  rerank: PRIOR_RERANK,
  rank: { weights: [0.7, 0.3, 0.6, -0.5, 0] },
  confidence: { weights: [0.3, 0.3, 0.2, 0.1, 0.1, 0.3, 0.1, 1, 0, 0.5, -1, 0.1, 0] },
}

export interface Trained {
  readonly model: QuestionModel
  /** How the decision does on what it was fitted on: a dozen weights, so a fair picture. */
  readonly judged: readonly Judged[]
}

interface Prepared {
  readonly query: QueryText
  readonly noisy: QueryText
  readonly label: number
}

export function trainQuestionModel(
  questions: readonly TrainingQuestion[],
  labels: readonly string[],
  options: TrainingOptions,
): Trained {
  const random = seededRandom(options.seed)
  const entityNames = options.entityNames ?? (() => [])
  const prepared = questions.map(({ text, label }): Prepared => {
    const normal = normalise(text)
    const noisy =
      normal.lang === 'zh'
        ? normalise(hesitate(mishear(normal.text, random), random))
        : normalise(mistype(normal.text, random))
    return {
      query: prepareQuery(normal, entityNames),
      noisy: prepareQuery(noisy, entityNames),
      label,
    }
  })
  const stored = prepared.filter(({ label }) => label >= 0)
  const foreign = prepared.filter(({ label }) => label < 0)
  const index = options.search ? buildQuestionIndex(stored.map(({ query }) => query)) : undefined
  const rerank = index ? fitRerank(index, stored, random) : PRIOR_RERANK
  const start = { ...PRIOR_DECISION, rerank }
  const rows = holdOut({ stored, foreign, labels, index, decision: start }, options, random)
  const decision = fitDecision(start, rows)
  options.onProgress?.(0.8)
  const classifier = options.classify ? classifierFor(stored, labels.length, random) : undefined
  options.onProgress?.(1)
  return {
    model: { labels, decision, ...outOfScopeOf(labels), ...(classifier ? { classifier } : {}) },
    judged: judge(decision, rows),
  }
}

/** Short texts are many ways of few words: misheard copies help them, and only slow long ones down. */
function classifierFor(rows: readonly Prepared[], classes: number, random: Random): Classifier {
  const clean = rows.map(({ query }) => query.forClassifier)
  const units = clean.reduce((sum, { tokens }) => sum + tokens.length, 0)
  const copies = units / clean.length > LONG_TEXT ? [] : rows.map((row) => row.noisy.forClassifier)
  const labels = Int32Array.from({ length: clean.length + copies.length }, (_, i) => {
    return rows[i % rows.length]?.label ?? 0
  })
  return trainClassifier({ clean, copies, labels, classes }, random)
}

/** Learns from stored questions which of their neighbours mean the same. */
function fitRerank(index: QuestionIndex, stored: readonly Prepared[], random: Random): Logistic {
  const rows: Float32Array[] = []
  const targets: number[] = []
  const rowWeights: number[] = []
  const share = Math.min(1, RERANK_QUESTIONS / stored.length)
  stored.forEach(({ query, noisy, label }, document) => {
    if (random() >= share) return
    for (const text of [query, noisy]) {
      for (const match of findMatches(index, text, PRIOR_RERANK, document).slice(0, 8)) {
        rows.push(match.figures)
        targets.push(stored[match.document]?.label === label ? 1 : 0)
        rowWeights.push(text === noisy ? COPY_WEIGHT : 1)
      }
    }
  })
  return fitLogistic(rows, targets, SIMILARITY_WIDTH, {
    ridge: 2,
    prior: PRIOR_RERANK,
    rowWeights,
  })
}

interface HoldOut {
  readonly stored: readonly Prepared[]
  /** Texts that no label is right for. */
  readonly foreign: readonly Prepared[]
  readonly labels: readonly string[]
  readonly index: QuestionIndex | undefined
  readonly decision: Decision
}

/** Evidence about questions that the classifier was not trained on and the index does not show. */
function holdOut(parts: HoldOut, options: TrainingOptions, random: Random): HeldOut[] {
  const { stored, foreign, labels, index, decision } = parts
  const rows: HeldOut[] = []
  const storedLabels = Int32Array.from(stored, ({ label }) => label)
  const fold = Int32Array.from(stored, () => Math.floor(random() * FOLDS))
  const folds = stored.length > SINGLE_FOLD_ABOVE ? 1 : FOLDS
  const outOfScope = outOfScopeOf(labels)
  for (let k = 0; k < folds; k++) {
    const classifier = options.classify
      ? classifierFor(
          stored.filter((_, i) => fold[i] !== k),
          labels.length,
          random,
        )
      : undefined
    const model = { labels, decision, ...outOfScope, ...(classifier ? { classifier } : {}) }
    const reader = createReader(model, index, storedLabels)
    const take = (query: QueryText, label: number, skip: number, hide: number, weight: number) => {
      if (weight === 0) return
      const allowed = hide < 0 ? undefined : (other: number) => other !== hide
      const { evidence, surroundings } = read(reader, query, allowed, skip)
      rows.push({ evidence, surroundings, label, weight })
    }
    stored.forEach(({ query, noisy, label }, document) => {
      if (fold[document] !== k) return
      const right = label === outOfScope.outOfScope ? -1 : label
      take(query, right, document, -1, 1)
      take(noisy, right, document, -1, NOISY_WEIGHT)
      if (right >= 0) take(query, -1, document, label, options.hiddenWeight)
    })
    for (const { query } of foreign) take(query, -1, -1, -1, 1 / folds)
    options.onProgress?.((0.7 * (k + 1)) / folds)
  }
  return rows
}

function outOfScopeOf(labels: readonly string[]): { readonly outOfScope?: number } {
  const found = labels.indexOf(OUT_OF_SCOPE)
  return found < 0 ? {} : { outOfScope: found }
}

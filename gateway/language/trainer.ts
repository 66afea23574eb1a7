/**
 * Trains a question model: classifier, rerank, and the decision between and above them.
 *
 * Everything that decides is fitted on evidence about held-out questions (k folds for the classifier,
 * leave-one-out for the search), clean and misheard, with questions whose own label is hidden as examples
 * of what the box does not know. So the confidence means what it says on questions never seen.
 */
import { fitDecision, type HeldOut, type Judged, judge } from './calibrate.ts'
import { trainClassifier } from './classifier.ts'
import { type Choice, fitChoice } from './conditional-logit.ts'
import { type Example, prepareExamples, type TrainingQuestion } from './examples.ts'
import { fitLogistic, type Logistic, logOdds } from './logistic.ts'
import { buildQuestionIndex, findMatches, type QuestionIndex } from './question-index.ts'
import {
  type Classifier,
  type Decision,
  type EntityNames,
  OUT_OF_SCOPE,
  type QueryText,
  type QuestionModel,
} from './question-model.ts'
import { type Random, seededRandom } from './random.ts'
import { createReader, read } from './reader.ts'

export interface TrainingOptions {
  readonly seed: number
  readonly classify: boolean
  readonly search: boolean
  /**
   * Share of questions to come that no label is right for, as far as training reckons with it; 0 where
   * every question will have one of the labels.
   */
  readonly foreignShare: number
  readonly entityNames?: EntityNames
  readonly onProgress?: (share: number) => void
}

/** Units of a text, on average, from which no copies are made; and number of texts. */
const LONG_TEXT = 40
const PLENTY = 8000
const FOLDS = 4
/** Above this many questions one fold held out is enough to fit a dozen weights on. */
const SINGLE_FOLD_ABOVE = 6000
/** A misheard copy counts this much beside its original. */
const COPY_WEIGHT = 0.4
const NOISY_WEIGHT = 0.5
/** A made-up near miss counts less than a real one: it reads as no person would say it. */
const DISTORTED_WEIGHT = 0.2
/** The same kind of question about another matter is what a small pack is asked most. */
const MISPLACED_WEIGHT = 2
/** A made-up paraphrase counts less than a real one. */
const REPHRASED_WEIGHT = 0.1
/** Pull towards the starting point; an FAQ with few pairs of questions stays near it. */
const RERANK_RIDGE = 5
/** Neighbours of a question that the rerank learns from. */
const RERANK_DEPTH = 8
/** Questions that the decision is fitted on, for the same reason; in large tables each costs more. */
const HELD_OUT_QUESTIONS = { inFolds: 4000, inOneFold: 2500 }
/** Questions that the rerank is learned from; a dozen weights need no more. */
const RERANK_QUESTIONS = 3000

/** Starting point of the rerank: what paraphrases of our own packs share. Order as SIMILARITY_NAMES. */
const PRIOR_RERANK: Logistic = {
  weights: [
    3.5, 3.3, 3, 3, 1.4, -0.5, -0.5, -0.5, 0.3, -0.8, -0.5, -0.2, -0.3, -0.3, -0.7, 1, -1, 0, 0, 0,
    0, -8,
  ],
}
/** Starting points of the decision. Order as in `reader.ts`. */
const PRIOR_RANK: Logistic = { weights: [0.7, 0.3, 0.6, -0.5, 1, 0] }
const PRIOR_CONFIDENCE: Logistic = {
  weights: [0.3, 0.3, 0.1, 0.2, 0, 0.2, 0.5, 0.5, 0.2, 0, -0.2, 0, 0.5, -2, 0, 0],
}
/** Nearly level; a table that has a few pairs of questions soon leaves it. */
const PRIOR_LEAD: Logistic = { weights: [0.5, 0.5] }
/** About what the starter packs learn; a pack of a few questions stays near it. */
const PACK_CONFIDENCE: Logistic = {
  weights: [0.3, 0.4, -0.1, 0.3, 0, 0.1, 0.7, 0.2, 0.2, 0, -0.2, 0, -0.5, -2, 0, -0.3],
}

export interface Trained {
  readonly model: QuestionModel
  /** How the decision does on what it was fitted on: a dozen weights, so a fair picture. */
  readonly judged: readonly Judged[]
}

export function trainQuestionModel(
  questions: readonly TrainingQuestion[],
  labels: readonly string[],
  options: TrainingOptions,
): Trained {
  const random = seededRandom(options.seed)
  const prepared = prepareExamples(questions, options.entityNames ?? (() => []), options.seed)
  const stored = prepared.filter(({ label }) => label >= 0)
  const foreign = prepared.filter(({ label }) => label < 0)
  const index = options.search ? buildQuestionIndex(stored.map(({ query }) => query)) : undefined
  const rerank = index ? fitRerank(index, stored, random) : PRIOR_RERANK
  const isPack = options.classify && options.foreignShare > 0
  const confidence = isPack ? PACK_CONFIDENCE : PRIOR_CONFIDENCE
  const lead = options.classify ? {} : { lead: PRIOR_LEAD }
  const start: Decision = { rerank, rank: PRIOR_RANK, confidence, ...lead }
  const rows = holdOut({ stored, foreign, labels, index, decision: start }, options, random)
  const decision = fitDecision(start, rows)
  options.onProgress?.(0.8)
  const classifier = options.classify
    ? classifierFor(stored, stored.length, labels.length, random)
    : undefined
  options.onProgress?.(1)
  return {
    model: { labels, decision, ...outOfScopeOf(labels), ...(classifier ? { classifier } : {}) },
    judged: judge(decision, rows),
  }
}

/** Short texts are many ways of few words: misheard copies help them, and only slow long ones down. */
function classifierFor(
  rows: readonly Example[],
  total: number,
  classes: number,
  random: Random,
): Classifier {
  const clean = rows.map(({ query }) => query.forClassifier)
  const units = clean.reduce((sum, { tokens }) => sum + tokens.length, 0)
  const isLong = units / clean.length > LONG_TEXT
  const copies = isLong || total > PLENTY ? [] : rows.map((row) => row.noisy().forClassifier)
  const labels = Int32Array.from({ length: clean.length + copies.length }, (_, i) => {
    return rows[i % rows.length]?.label ?? 0
  })
  return trainClassifier({ clean, copies, labels, classes, total, isLong }, random)
}

/**
 * Learns from stored questions which of their neighbours mean the same: first to put the right one in
 * front, then how sure that makes.
 */
function fitRerank(index: QuestionIndex, stored: readonly Example[], random: Random): Logistic {
  const choices: Choice[] = []
  const share = Math.min(1, RERANK_QUESTIONS / stored.length)
  const learn = (query: QueryText, label: number, skip: number, weight: number): void => {
    const matches = findMatches(index, query, PRIOR_RERANK, skip).slice(0, RERANK_DEPTH)
    const options = matches.map(({ figures, document }) => ({
      figures,
      isRight: stored[document]?.label === label,
    }))
    choices.push({ options, weight })
  }
  stored.forEach(({ query, noisy, copies, label }, document) => {
    if (random() >= share) return
    if (copies) learn(copies.same(), label, -1, REPHRASED_WEIGHT)
    else {
      learn(query, label, document, 1)
      learn(noisy(), label, document, COPY_WEIGHT)
    }
  })
  const decidable = choices.filter(({ options }) => options.some(({ isRight }) => isRight))
  const order = fitChoice(decidable, { ridge: RERANK_RIDGE, prior: PRIOR_RERANK })
  return scaleToOdds(order, choices)
}

/** The same order with scores that are log odds of being right. */
function scaleToOdds(order: Logistic, choices: readonly Choice[]): Logistic {
  const options = choices.flatMap((choice) => choice.options)
  const { weights } = fitLogistic(
    options.map(({ figures }) => [logOdds(order, figures)]),
    options.map(({ isRight }) => (isRight ? 1 : 0)),
    1,
    {
      ridge: 1,
      prior: { weights: [1, 0] },
      rowWeights: choices.flatMap((choice) => choice.options.map(() => choice.weight)),
    },
  )
  const [scale = 1, bias = 0] = weights
  const last = order.weights.length - 1
  return { weights: order.weights.map((weight, i) => weight * scale + (i === last ? bias : 0)) }
}

interface HoldOut {
  readonly stored: readonly Example[]
  /** Texts that no label is right for. */
  readonly foreign: readonly Example[]
  readonly labels: readonly string[]
  readonly index: QuestionIndex | undefined
  readonly decision: Decision
}

/** Evidence about questions that the classifier was not trained on and the index does not show. */
function holdOut(parts: HoldOut, options: TrainingOptions, random: Random): HeldOut[] {
  const { stored, foreign, labels, index, decision } = parts
  const rows: HeldOut[] = []
  const hidden = options.foreignShare > 0 ? 1 : 0
  const storedLabels = Int32Array.from(stored, ({ label }) => label)
  const fold = Int32Array.from(stored, () => Math.floor(random() * FOLDS))
  const folds = stored.length > SINGLE_FOLD_ABOVE ? 1 : FOLDS
  const outOfScope = outOfScopeOf(labels)
  const wanted = folds === 1 ? HELD_OUT_QUESTIONS.inOneFold : HELD_OUT_QUESTIONS.inFolds
  const share = Math.min(1, (wanted * FOLDS) / (stored.length * folds))
  for (let k = 0; k < folds; k++) {
    const classifier = options.classify
      ? classifierFor(
          stored.filter((_, i) => fold[i] !== k),
          stored.length,
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
    stored.forEach(({ query, noisy, misplaced, copies, label }, document) => {
      if (fold[document] !== k || random() >= share) return
      const right = label === outOfScope.outOfScope ? -1 : label
      if (copies) {
        // Without its only question the label is unknown, and its neighbours are the nearest misses.
        take(query, -1, document, -1, hidden)
        take(noisy(), -1, document, -1, hidden * NOISY_WEIGHT)
        take(copies.same(), right, -1, -1, REPHRASED_WEIGHT)
        take(copies.wrong(), -1, -1, -1, hidden * DISTORTED_WEIGHT)
        return
      }
      take(query, right, document, -1, 1)
      take(noisy(), right, document, -1, NOISY_WEIGHT)
      if (right < 0) return
      take(query, -1, document, label, hidden)
      const foreignCopy = options.classify && hidden > 0 ? misplaced() : undefined
      if (foreignCopy) take(foreignCopy, -1, -1, -1, MISPLACED_WEIGHT)
    })
    for (const { query } of foreign) take(query, -1, -1, -1, 1)
    options.onProgress?.((0.7 * (k + 1)) / folds)
  }
  return options.foreignShare > 0 ? balance(rows, options.foreignShare) : rows
}

/** Scales the weight of foreign questions to their share. */
function balance(rows: readonly HeldOut[], foreignShare: number): HeldOut[] {
  let own = 0
  let foreign = 0
  for (const { label, weight } of rows) {
    if (label < 0) foreign += weight
    else own += weight
  }
  const scale = (foreignShare / (1 - foreignShare)) * (own / Math.max(foreign, 1e-9))
  return rows.map((row) => (row.label < 0 ? { ...row, weight: row.weight * scale } : row))
}

function outOfScopeOf(labels: readonly string[]): { readonly outOfScope?: number } {
  const found = labels.indexOf(OUT_OF_SCOPE)
  return found < 0 ? {} : { outOfScope: found }
}

/**
 * Trains a question model: classifier, rerank, and the decision between and above them.
 *
 * Everything that decides is fitted on evidence about held-out questions (k folds for the classifier,
 * leave-one-out for the search), clean and misheard, with questions whose own label is hidden as examples
 * of what the box does not know. So the confidence means what it says on questions never seen.
 */
import { hesitate, mishear, mistype } from './augment.ts'
import { fitDecision, type HeldOut } from './calibrate.ts'
import { buildMatrix, buildVocabulary, type Matrix } from './dataset.ts'
import { DEFAULT_FEATURES, type FeatureOptions } from './features.ts'
import { quantise } from './linear-model.ts'
import { fitLogistic, type Logistic } from './logistic.ts'
import { normalise } from './normalise.ts'
import { buildQuestionIndex, findMatches, type QuestionIndex } from './question-index.ts'
import {
  type Classifier,
  type Decision,
  type EntityNames,
  prepareQuery,
  type QueryText,
  type QuestionModel,
} from './question-model.ts'
import { type Random, seededRandom } from './random.ts'
import { createReader, read } from './reader.ts'
import { SIMILARITY_WIDTH } from './similarity.ts'
import { trainSvm } from './svm.ts'
import { createVectoriser } from './vectorise.ts'

export interface TrainingQuestion {
  readonly text: string
  /** Number of its label, or -1: nothing in this model answers it. */
  readonly label: number
}

export interface TrainingOptions {
  readonly seed: number
  readonly classify: boolean
  readonly search: boolean
  readonly entityNames?: EntityNames
  readonly onProgress?: (share: number) => void
}

const FOLDS = 4
/** Above this many questions one fold held out is enough to fit a dozen weights on. */
const SINGLE_FOLD_ABOVE = 6000
const MINIMUM_TEXTS = 2
const MAX_FEATURES = 300_000
/** Turns margins of one-against-rest machines into a softmax; the decision above corrects the rest. */
const SHARPNESS = 3
const COST = 0.3
const PASSES = 12
/** A misheard copy counts this much beside its original. */
const COPY_WEIGHT = 0.4
const VIEW_WEIGHTS = [1, 0.5, 1, 0.7, 0.5]

/** Starting point of the rerank: what paraphrases of our own packs share. Order as SIMILARITY_NAMES. */
export const PRIOR_RERANK: Logistic = {
  weights: [4, 2, 1.5, 1.5, 1.5, 2, -2, -1.5, -2, -1.5, -0.7, 0.3, -2, -0.3, -0.5, -4],
}
const PRIOR_DECISION: Decision = {
  rerank: PRIOR_RERANK,
  rank: { weights: [0.7, 1, 0.6, -0.5, 0] },
  confidence: { weights: [0.3, 0.3, 0.2, 0.3, 0.3, 0.3, 0.1, 1, 0, 0.5, 0] },
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
): QuestionModel {
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
  const index = options.search ? buildQuestionIndex(stored.map(({ query }) => query)) : undefined
  const decision = { ...PRIOR_DECISION }
  if (index) decision.rerank = fitRerank(index, stored)
  const rows = holdOut(stored, prepared, labels, index, decision, options, random)
  const fitted = fitDecision(decision, rows)
  options.onProgress?.(0.8)
  const classifier = options.classify ? trainClassifier(stored, labels.length, random) : undefined
  options.onProgress?.(1)
  return { labels, decision: fitted, ...(classifier ? { classifier } : {}) }
}

const features: FeatureOptions = DEFAULT_FEATURES

function trainClassifier(rows: readonly Prepared[], classes: number, random: Random): Classifier {
  const clean = rows.map(({ query }) => query.forClassifier)
  const copies = rows.map(({ noisy }) => noisy.forClassifier)
  const vocabulary = buildVocabulary(clean, features, MINIMUM_TEXTS, MAX_FEATURES)
  const vectoriser = createVectoriser(vocabulary, VIEW_WEIGHTS)
  const matrix: Matrix = buildMatrix([...clean, ...copies], features, vectoriser)
  const labels = Int32Array.from({ length: rows.length * 2 }, (_, i) => {
    return rows[i % rows.length]?.label ?? 0
  })
  const rowWeights = Float32Array.from(labels, (_, i) => (i < rows.length ? 1 : COPY_WEIGHT))
  const dense = trainSvm(
    matrix,
    labels,
    classes,
    { cost: COST, passes: PASSES, rowWeights },
    random,
  )
  return {
    features,
    viewWeights: VIEW_WEIGHTS,
    vocabulary,
    linear: quantise(dense, SHARPNESS),
  }
}

/** Learns from every stored question which of its neighbours mean the same. */
function fitRerank(index: QuestionIndex, stored: readonly Prepared[]): Logistic {
  const rows: Float32Array[] = []
  const targets: number[] = []
  const weights: number[] = []
  stored.forEach(({ query, noisy, label }, document) => {
    for (const text of [query, noisy]) {
      const matches = findMatches(index, text, PRIOR_RERANK, document).slice(0, 8)
      for (const match of matches) {
        rows.push(match.figures)
        targets.push(stored[match.document]?.label === label ? 1 : 0)
        weights.push(text === noisy ? COPY_WEIGHT : 1)
      }
    }
  })
  return fitLogistic(rows, targets, SIMILARITY_WIDTH, {
    ridge: 2,
    prior: PRIOR_RERANK,
    rowWeights: weights,
  })
}

/** Evidence about questions that the classifier was not trained on and the index does not show. */
function holdOut(
  stored: readonly Prepared[],
  prepared: readonly Prepared[],
  labels: readonly string[],
  index: QuestionIndex | undefined,
  decision: Decision,
  options: TrainingOptions,
  random: Random,
): HeldOut[] {
  const rows: HeldOut[] = []
  const storedLabels = Int32Array.from(stored, ({ label }) => label)
  const fold = Int32Array.from(stored, () => Math.floor(random() * FOLDS))
  const folds = stored.length > SINGLE_FOLD_ABOVE ? 1 : FOLDS
  for (let k = 0; k < folds; k++) {
    const seen = stored.filter((_, i) => fold[i] !== k)
    const classifier = options.classify ? trainClassifier(seen, labels.length, random) : undefined
    const model = { labels, decision, ...(classifier ? { classifier } : {}) }
    const reader = createReader(model, index, storedLabels)
    const take = (query: QueryText, label: number, skip: number, hide: number, weight: number) => {
      const allowed = hide < 0 ? undefined : (other: number) => other !== hide
      const { evidence, known } = read(reader, query, allowed, skip)
      rows.push({ evidence, known, label, query, weight })
    }
    stored.forEach(({ query, noisy, label }, document) => {
      if (fold[document] !== k) return
      take(query, label, document, -1, 1)
      take(noisy, label, document, -1, 0.5)
      take(query, -1, document, label, 0.3)
    })
    for (const { query, label } of prepared) if (label < 0) take(query, -1, -1, -1, 1 / folds)
    options.onProgress?.((0.7 * (k + 1)) / folds)
  }
  return rows
}
